"""The clock: APScheduler calls jobs again and again, and knows nothing else.

What is due is rows in the database (`storage.report_runs`), so the memory store loses nothing at a restart and two
processes with a clock each do not do the same thing twice.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC

from apscheduler.schedulers.background import BackgroundScheduler

# A job that was late runs once, whatever the delay: the default grace of one second drops it (facts E).
_DEFAULTS = {"misfire_grace_time": None, "coalesce": True, "max_instances": 1}


@dataclass(frozen=True)
class Job:
    """Something to call every so many seconds, never twice at a time. It logs its own failures."""

    name: str
    run: Callable[[], object]
    every_s: float


def start_clock(jobs: Sequence[Job]) -> BackgroundScheduler:
    """A running clock that first calls each job after its interval. End it with `stop_clock`."""
    clock = BackgroundScheduler(timezone=UTC, job_defaults=_DEFAULTS)
    for job in jobs:
        clock.add_job(job.run, "interval", seconds=job.every_s, id=job.name)
    clock.start()
    return clock


def stop_clock(clock: BackgroundScheduler) -> None:
    """Let running jobs end. Paused first: a trigger that is due during shutdown fails otherwise (facts E)."""
    clock.pause()
    clock.shutdown(wait=True)
