"""What `enermon demo --once` prints."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import click
from psycopg import Connection

from enermon.demo.gateways import Tally
from enermon.demo.steps import Past
from enermon.output import print_json
from storage import summary

_LEVELS = ("red", "orange", "yellow", "blue")


@dataclass(frozen=True)
class Summary:
    """`readings`: stored in all; `loaded`: history of this start; `alerts`: open ones by level.

    `reports`: files of this start; `live`: what receipts said of the live messages; `steps`: seconds by step.
    """

    readings: int
    loaded: int
    rejected: Mapping[str, int]
    alerts: Mapping[str, int]
    reports: tuple[str, ...]
    live: Tally
    seconds: float
    steps: Mapping[str, float]


def summarise(conn: Connection, past: Past, live: Tally, steps: Mapping[str, float]) -> Summary:
    found = summary.open_alerts(conn)
    return Summary(
        readings=summary.readings(conn),
        loaded=past.loaded,
        rejected=summary.rejected(conn),
        alerts={level: found.get(level, 0) for level in _LEVELS},
        reports=past.reports,
        live=live,
        seconds=round(sum(steps.values()), 1),
        steps={name: round(seconds, 1) for name, seconds in steps.items()},
    )


def tell(told: Summary, format: str) -> None:
    if format == "json":
        print_json(asdict(told))
    else:
        click.echo("\n".join(sentences(told)))


def sentences(told: Summary) -> list[str]:
    live = told.live
    return [
        f"Readings stored: {told.readings:,}, of which {told.loaded:,} of history by this start.",
        f"Rejected: {_counts(told.rejected)}.",
        f"Live messages answered: {live.messages}, with {live.accepted} readings accepted, {live.duplicate} duplicate,"
        f" {live.conflict} in conflict, {sum(live.rejected.values())} rejected; without a receipt: {live.unanswered}.",
        f"Open alerts: {_counts(told.alerts)}.",
        f"Report files written: {len(told.reports)}.",
        f"Seconds: {told.seconds:.1f} ({', '.join(f'{name} {seconds:.1f}' for name, seconds in told.steps.items())}).",
        "The servers run on: `enermon serve` shows the console, `enermon stop` ends them.",
    ]


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items()) or "none"
