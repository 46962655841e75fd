"""The stations of the worker, in the order in which work flows down the line."""

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

from psycopg import Connection

from alerts import channels, evaluate, notify, silence
from energy.periods import day_of
from enermon.commands.report import bring_up_to_date
from enermon.context import App
from enermon.worker import NewDay, Station
from reports import schedule
from storage import estimating, quality_store, readings, retention, rollup, turns

MINUTE = timedelta(minutes=1)
_DAYS_AHEAD = 7
_MORNING = timedelta(hours=6)  # by then, what comes late has come


def stations(app: App) -> Sequence[Station]:
    """Figures first, then what they mean, then what is said of it; reports last, for one of them takes long."""
    settings, told = app.settings, channels.of_urls(app.settings.channels)
    zone, routes, language = settings.zone, notify.routes(told), settings.language
    estimates = [Station("estimates", gaps_of_yesterday(zone), MINUTE)] if settings.estimate_gaps else []
    return (
        Station("partitions", make_room, timedelta(hours=1)),
        Station("rollup", lambda conn, now: rollup.work_on_settled(conn, zone, now)),
        *estimates,
        Station("new day", NewDay(evaluate.mark_all, zone), MINUTE),
        Station("evaluate", partial(evaluate.work, zone=zone, routes=routes, language=language, shared=True)),
        Station("silence", partial(silence.work, zone=zone, routes=routes, language=language), MINUTE),
        Station("notify", partial(notify.work, channels=told)),
        Station("quality", partial(quality_store.work, zone=zone), 10 * MINUTE),
        Station("retention", partial(retention.work, zone=zone, keeping=settings.keeping), 10 * MINUTE),
        Station("plan reports", partial(schedule.plan, zone=zone), MINUTE),
        Station("reports", partial(schedule.work, writer=report_writer(app)), MINUTE),
    )


def gaps_of_yesterday(zone: ZoneInfo) -> Callable[[Connection, datetime], int]:
    """Estimates once a day, in the morning; a worker that starts again, or comes second, finds them made."""
    done: set[date] = set()

    def work(conn: Connection, now: datetime) -> int:
        day = day_of(now - _MORNING, zone)
        if day in done or not turns.is_mine(conn, "estimates"):
            return 0
        done.add(day)
        return estimating.make_for_day(conn, day - timedelta(days=1), zone, now, "enermon")

    return work


def make_room(conn: Connection, now: datetime) -> int:
    """The days for which readings will come, before they do; never work enough to hurry back."""
    today = readings.day_number(now)
    readings.add_days(conn, range(today, today + _DAYS_AHEAD))
    return 0


def report_writer(app: App) -> schedule.Writer:
    """How reports are written: from figures that are brought up to date first."""
    settings = app.settings
    return schedule.Writer(
        settings.reports,
        settings.zone,
        language=settings.language,
        prepare=lambda conn: bring_up_to_date(conn, app),
    )
