"""What people write down about the sample's meters: events, corrections and who approves them, estimates of gaps.

`config/sample/series` says so many hours before the anchor; registers and amounts follow from what really flowed.
"""

import csv
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path

from psycopg import Connection

from energy.periods import Period, day_of, month_of
from enermon.demo import series
from enermon.demo.series import Province
from storage import corrections, estimating

Row = Mapping[str, str]


def events(folder: Path, province: Province) -> Iterator[dict[str, str]]:
    """The rows of a file `meter_events`."""
    for row in _rows(folder, "events"):
        at = province.before(float(row["hours_before"]))
        yield {
            "enterprise": row["enterprise"],
            "meter": row["meter"],
            "time": at.isoformat(),
            "event": row["event"],
            "old_final": _final(province, row, at),
            "new_initial": row["value"] if row["event"] == "exchange" else "",
            "new_serial": row["new_serial"],
            "value": _value(row, at, province),
            "document": row["document"],
        }


def _final(province: Province, row: Row, at: datetime) -> str:
    """The last register of the meter that is taken away."""
    if row["event"] != "exchange":
        return ""
    return f"{series.final_register(province, row['enterprise'], row['meter'], at):.2f}"


def _value(row: Row, at: datetime, province: Province) -> str:
    """A new multiplier as it stands; of a calibration its last valid day, for the sample says for how many days."""
    if row["event"] == "calibration":
        return str(day_of(at, province.zone) + timedelta(days=int(row["value"])))
    return row["value"] if row["event"] == "multiplier" else ""


def corrected(folder: Path, province: Province) -> Iterator[dict[str, str]]:
    """The rows of a file `corrections`: what really flowed in a gap, as somebody wrote it down on the spot."""
    for row in _rows(folder, "corrections"):
        since, until = _span(row, province)
        amount = series.metered(province, row["enterprise"], row["meter"], since, until)
        yield {
            "enterprise": row["enterprise"],
            "meter": row["meter"],
            "from": since.isoformat(),
            "to": until.isoformat(),
            "amount": f"{amount:.1f}",
            "reason": row["reason"],
            "document": row["document"],
            "author": row["author"],
            "spread": row["spread"],
        }


def approve(conn: Connection, folder: Path, province: Province, now: datetime) -> None:
    """Let the corrections count that somebody approves; what is decided already stays as it is."""
    approvers = {(row["enterprise"], row["meter"], _span(row, province)[0]): row["approver"]
                 for row in _rows(folder, "corrections") if row["approver"]}  # fmt: skip
    for one in corrections.listed(conn):
        approver = approvers.get((one.enterprise, one.meter, one.since))
        if approver and one.state == "pending":
            corrections.approve(conn, one.id, approver, now)


def _span(row: Row, province: Province) -> tuple[datetime, datetime]:
    since = province.before(float(row["hours_before"]))
    return since, since + timedelta(hours=float(row["hours"]))


def estimate(conn: Connection, province: Province, now: datetime) -> int:
    """Put estimates of the gaps on record that somebody estimates; how many are new."""
    count = 0
    for fault in province.faults:
        for month in _months(fault, province) if fault.estimated_by else ():
            found = estimating.make(conn, fault.enterprise, month, province.zone, now, fault.estimated_by, fault.meter)
            count += sum(one.id is not None for one in found)
    return count


def _months(fault: series.Fault, province: Province) -> list[Period]:
    """One, or two where the gap lies over the end of a month."""
    ends = (province.before(fault.hours_before), province.before(fault.hours_before - fault.hours))
    return sorted({month_of(day_of(end, province.zone)) for end in ends}, key=lambda month: month.first)


def _rows(folder: Path, name: str) -> list[dict[str, str]]:
    with (folder / "series" / f"{name}.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))
