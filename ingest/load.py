"""Files straight into storage: the collector's way without the wire."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from psycopg import Connection

from energy import units
from energy.refused import Refused
from ingest import batch, files, registry
from ingest.admission import Enterprise, admit
from ingest.batch import FILE_TOPIC, Decision, Known, Message, Outcome
from ingest.dialect import Dialect
from ingest.files import Chunk, Factors
from ingest.instants import Ticks
from ingest.limits import Limits
from ingest.registry import Registry
from storage import readings, roster
from storage.roster import MeterUnit


@dataclass(frozen=True)
class Loaded:
    """What became of a file so far. rejected: by reason; blank: cells without a reading; skipped: rows left out."""

    rows: int = 0
    accepted: int = 0
    duplicate: int = 0
    conflict: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    blank: int = 0
    skipped: int = 0

    def plus(self, chunk: Chunk, outcome: Outcome) -> "Loaded":
        reasons = Counter(each.reason.value for each in outcome.decision.admitted.rejections)
        return replace(
            self,
            rows=self.rows + chunk.rows,
            accepted=self.accepted + outcome.accepted,
            duplicate=self.duplicate + outcome.duplicate,
            conflict=self.conflict + outcome.conflict,
            rejected=self.rejected + reasons,
            blank=self.blank + chunk.blank,
            skipped=self.skipped + chunk.skipped,
        )


def load(
    conn: Connection, file: Path, code: str, dialect: Dialect, limits: Limits, now: Callable[[], datetime]
) -> Iterator[Loaded]:
    """Store a file's readings, committing as it goes; tells after every commit what has become of it so far.

    Doing it again stores nothing twice, so a load that was cut short is simply repeated.
    """
    enterprise = find(conn, code)
    factors = unit_factors(conn, code)
    known, tick, loaded = Known.load(conn), Ticks(now), Loaded()
    conn.commit()
    message = Message(code, f"{FILE_TOPIC}{file.name}", b"")
    for chunk in files.read(file, dialect, factors):
        decision = Decision(message, enterprise, None, None, admit(chunk.columns, enterprise, limits, now()))
        outcome = batch.store(conn, [decision], readings.FILE, limits, known, tick())[0]
        loaded = loaded.plus(chunk, outcome)
        yield loaded


def find(conn: Connection, code: str) -> Enterprise:
    """The enterprise, or Refused."""
    known = registry.load(conn, Registry())
    if code not in known.enterprises:
        raise Refused(f"Enterprise {code!r} is not registered; import it first.")
    return known.enterprises[code]


def unit_factors(conn: Connection, code: str) -> Factors:
    """What a number in a column's unit is in the unit of its meter. Refused if that is impossible."""
    meters = {meter.code: meter for meter in roster.meter_units(conn, code)}

    def factor(meter: str, unit: str) -> float:
        if meter not in meters:  # kept as it is, it would be admitted later in a wrong unit
            raise Refused(f"Meter {meter!r} of {code} is not registered, so its column in {unit} cannot be read.")
        return 1.0 if unit == meters[meter].unit else _factor(meters[meter], unit)

    return factor


def _factor(meter: MeterUnit, unit: str) -> float:
    convert = units.convert_rate if meter.kind == "power" else units.convert
    try:
        theirs, ours = (
            convert(each, meter.carrier_unit, meter.density_kg_per_l, meter.carrier) for each in (unit, meter.unit)
        )
    except ValueError as error:
        raise Refused(f"The column of meter {meter.code}: {error}.") from error
    return float(theirs / ours)
