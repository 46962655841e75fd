"""What can be watched: the name, unit and meaning of every metric of this process and of the database it works on.

Counters are fed by the lines that units of work write to the log (`storage.telemetry`), so that what is logged and what
is counted cannot differ, and cost once a batch. Each process exports its own; gauges of the database are asked for when
somebody looks, and an answer serves for some seconds.
"""

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from threading import Lock

import psycopg
from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from psycopg import Connection
from psycopg_pool import ConnectionPool

from storage import gauges, telemetry
from storage.gauges import Gauges
from storage.telemetry import Work

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_FRESH_S = 5.0
_PATIENCE_S = 2.0
_BUCKETS_S = (0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300)


@dataclass(frozen=True)
class Named:
    """A metric as the operating guide explains it. label: "" for none; of: under which word units of work count it."""

    name: str
    label: str
    meaning: str
    of: str = ""


WORK_SECONDS = Named("enermon_work_seconds", "station", "units of work that were done, and how long each took")
WORK_FOUND = Named("enermon_work_found_total", "station", "what units of work found to do")
WORK_FAILURES = Named("enermon_work_failures_total", "station", "units of work that failed and will be tried again")
COUNTED = (
    Named("enermon_messages_total", "kind", "messages taken from the broker and acknowledged", "messages"),
    Named("enermon_received_bytes_total", "", "bytes of their payloads", "received_bytes"),
    Named("enermon_readings_total", "outcome", "readings in them by what became of each", "readings"),
    Named("enermon_rejections_total", "reason", "rejections by their reason", "rejections"),
    Named("enermon_receipts_total", "", "receipts sent", "receipts"),
    Named("enermon_judged_total", "scope", "enterprises and regions judged", "judged"),
    Named("enermon_alert_events_total", "", "alerts opened, raised, lowered and resolved", "alert_events"),
    Named("enermon_deliveries_total", "outcome", "deliveries tried, by how that went", "deliveries"),
    Named("enermon_reports_total", "outcome", "report runs, by how they went", "reports"),
    Named("enermon_console_requests_total", "status", "pages and API answers by class of status", "requests"),
)
BROKER_CONNECTED = Named("enermon_broker_connected", "", "1 while the collector is connected and subscribed")
WORKER_BUSY = Named("enermon_worker_busy_seconds", "", "for how long the worker has been at its present unit of work")
POOL = Named("enermon_console_pool_connections", "state", "database connections of the console, and requests that wait")
OWN = (BROKER_CONNECTED, WORKER_BUSY, POOL)
UP = Named("enermon_database_up", "", "1 if the database answered")
ASKED_SECONDS = Named("enermon_database_asked_seconds", "", "how long it took to answer these questions")
_Values = Mapping[str, float]
DATABASE: Mapping[Named, Callable[[Gauges], float | _Values | None]] = {
    Named("enermon_stale_spans", "", "stale spans that wait for the rollup"): lambda g: g.stale_spans,
    Named("enermon_stale_span_oldest_seconds", "", "for how long the oldest of them waits"): lambda g: g.oldest_span_s,
    Named("enermon_stale_judgements", "", "marks that wait to be judged"): lambda g: g.stale_judgements,
    Named("enermon_deliveries_due", "", "deliveries that are due"): lambda g: g.deliveries_due,
    Named("enermon_delivery_oldest_seconds", "", "how long the oldest of them is due"): lambda g: g.oldest_delivery_s,
    Named("enermon_reports_due", "", "report runs that are due or running"): lambda g: g.reports_due,
    Named("enermon_latest_reading_timestamp_seconds", "", "time of the newest reading"): lambda g: (
        g.latest_reading.timestamp() if g.latest_reading else None
    ),
    Named("enermon_gateways", "state", "gateways by what they last said: online, offline"): lambda g: g.gateways,
    Named("enermon_alerts_open", "level", "alerts that are not resolved"): lambda g: g.alerts_open,
    Named("enermon_reading_days_ahead", "", "days after today that have a place for readings, 7 at most"): lambda g: (
        g.reading_days_ahead
    ),
    Named("enermon_workers", "", "workers connected to the database"): lambda g: g.workers,
    Named("enermon_collectors", "", "collectors connected to the database"): lambda g: g.collectors,
}  # fmt: skip
ALL = (WORK_SECONDS, WORK_FOUND, WORK_FAILURES, *COUNTED, *OWN, UP, ASKED_SECONDS, *DATABASE)


class Metrics(logging.Handler):
    """The metrics of this process. A log handler: it counts what units of work say."""

    def __init__(self) -> None:
        super().__init__()
        self._registry = CollectorRegistry()
        self._seconds = Histogram(*_described(WORK_SECONDS), registry=self._registry, buckets=_BUCKETS_S)
        self._found, self._failures = (self._counter(each) for each in (WORK_FOUND, WORK_FAILURES))
        self._counted = {each.of: self._counter(each) for each in COUNTED}
        ProcessCollector(registry=self._registry)

    def emit(self, record: logging.LogRecord) -> None:
        if work := telemetry.told(record):
            self.take(work)

    def take(self, work: Work) -> None:
        if work.failed:
            self._failures.labels(work.station).inc()
            return
        self._seconds.labels(work.station).observe(work.seconds)
        self._found.labels(work.station).inc(work.found)
        for name, number in work.counts.items():
            what, _, kind = name.partition(".")
            if isinstance(number, int) and what in self._counted:
                counter = self._counted[what]
                (counter.labels(kind) if kind else counter).inc(number)

    def add(self, source: "Gauge | Database") -> None:
        """Something that is asked for its values whenever somebody looks."""
        self._registry.register(source)

    def text(self) -> bytes:
        """All of them as Prometheus reads them."""
        return generate_latest(self._registry)

    def _counter(self, named: Named) -> Counter:
        return Counter(*_described(named), registry=self._registry)


def counting() -> Metrics:
    """Metrics that count from now on whatever is logged."""
    metrics = Metrics()
    logging.getLogger().addHandler(metrics)
    return metrics


def _described(named: Named) -> tuple[str, str, tuple[str, ...]]:
    return named.name, named.meaning, (named.label,) if named.label else ()


@dataclass(frozen=True)
class Gauge:
    """A value of this process, or several by label, read when somebody looks."""

    named: Named
    read: Callable[[], float | _Values]

    def collect(self) -> Iterable[Metric]:
        yield _family(self.named, self.read())

    def describe(self) -> Iterable[Metric]:
        return ()


def _family(named: Named, value: float | _Values) -> GaugeMetricFamily:
    family = GaugeMetricFamily(named.name, named.meaning, labels=_described(named)[2])
    for label, number in value.items() if isinstance(value, Mapping) else [(None, value)]:
        family.add_metric([] if label is None else [label], number)
    return family


class Database:
    """Gauges read from the database, at most every few seconds."""

    def __init__(
        self,
        pool: ConnectionPool[Connection],
        now: Callable[[], datetime],
        clock: Callable[[], float] = time.monotonic,
    ):
        self._pool, self._now, self._clock = pool, now, clock
        self._lock = Lock()
        self._asked = float("-inf")
        self._told: list[Metric] = []

    def collect(self) -> Iterable[Metric]:
        with self._lock:
            if self._clock() - self._asked >= _FRESH_S:
                self._told = self._ask()
                self._asked = self._clock()
            return self._told

    def describe(self) -> Iterable[Metric]:
        return ()

    def _ask(self) -> list[Metric]:
        began = self._clock()
        try:
            with self._pool.connection(timeout=_PATIENCE_S) as conn:
                found = gauges.read(conn, self._now())
        except psycopg.Error:
            return [_family(UP, 0)]
        told = [(named, value(found)) for named, value in DATABASE.items()]
        known = [_family(named, value) for named, value in told if value is not None]
        return [_family(UP, 1), _family(ASKED_SECONDS, self._clock() - began), *known]
