"""What `enermon demo --once` prints."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import click
from psycopg import Connection

from enermon.demo import steps
from enermon.demo.gateways import Tally
from enermon.demo.steps import Past
from enermon.output import print_json
from storage import summary
from storage.integrity import Tally as Verified

_LEVELS = ("red", "orange", "yellow", "blue")


@dataclass(frozen=True)
class Chain:
    """What was verified of the chains of the last days, and what is not as it was received."""

    links: int
    readings: int
    faults: int

    @classmethod
    def of(cls, tally: Verified, faults: int) -> "Chain":
        return cls(tally.links, tally.readings, faults)


@dataclass(frozen=True)
class Summary:
    """`readings`: stored in all; `loaded`: history of this start; `alerts`: open ones by level.

    `reports`: files of this start; `live`: what receipts said of the live messages; `steps`: seconds by step.
    `records`: what people told of it, by kind.
    """

    readings: int
    loaded: int
    rejected: Mapping[str, int]
    records: Mapping[str, int]
    chain: Chain
    alerts: Mapping[str, int]
    reports: tuple[str, ...]
    live: Tally
    seconds: float
    steps: Mapping[str, float]


def summarise(conn: Connection, past: Past, live: Tally, chain: Chain, taken: Mapping[str, float]) -> Summary:
    found = summary.open_alerts(conn)
    return Summary(
        readings=summary.readings(conn),
        loaded=past.loaded,
        rejected=summary.rejected(conn),
        records=summary.records(conn),
        chain=chain,
        alerts={level: found.get(level, 0) for level in _LEVELS},
        reports=past.reports,
        live=live,
        seconds=round(sum(taken.values()), 1),
        steps={name: round(seconds, 1) for name, seconds in taken.items()},
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
        f" {live.conflict} in conflict, {sum(live.rejected.values())} rejected; without a receipt: {live.unanswered}."
        f" Production: {live.production} outputs.",
        f"Beside readings: {_counts(told.records)}.",
        _of_chain(told.chain),
        f"Open alerts: {_counts(told.alerts)}.",
        f"Report files written: {len(told.reports)}.",
        f"Seconds: {told.seconds:.1f} ({', '.join(f'{name} {seconds:.1f}' for name, seconds in told.steps.items())}).",
        "The servers run on: `enermon serve` shows the console, `enermon stop` ends them.",
    ]


def _of_chain(chain: Chain) -> str:
    looked_at = f"{chain.links:,} links, {chain.readings:,} readings of the last {steps.VERIFIED.days} days"
    wrong = f"{chain.faults} faults; `enermon check --integrity` names them" if chain.faults else "all as received"
    return f"Hash chains verified: {looked_at}, {wrong}."


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items()) or "none"
