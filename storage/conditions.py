"""What an enterprise has left open that its energy depends on: the condition of its gas, the state of its steam, a
measured heating value. Each remark names what must be declared."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby

from psycopg import Connection

from energy import steam
from energy.factors import Coefficients, FactorBook
from energy.periods import Period
from energy.registers import Trait
from energy.sentences import Said, said
from storage import heating_values
from storage.snapshot import traits
from storage.sql import sql


@dataclass(frozen=True)
class Remark:
    """About days [first, until). finding: `condition_unknown` or `default_value`. meter None: about a carrier."""

    finding: str
    meter: str | None
    carrier: str
    first: date
    until: date
    said: Said


def remarks(conn: Connection, book: FactorBook, enterprise: str, region: str, month: Period) -> list[Remark]:
    """What is to be said of the conversion of an enterprise in a month, by meters and then by carriers."""
    rows = conn.execute(sql("conditions.meters"), {"enterprise": enterprise}).fetchall()
    returned = {row[0] for row in conn.execute(sql("conditions.returned"), {"enterprise": enterprise})}
    declared = steam.declared(heating_values.declarations(conn, [enterprise]).get(enterprise, []))
    found = [remark for row in rows if (remark := _gas(row[0], row[1], traits(*row[2:]), month))]
    for carrier in sorted({row[1] for row in rows} | returned):
        for coefficients, first, until in _spans(book, carrier, enterprise, region, month):
            if one := _conversion(book, carrier, coefficients, declared, first):
                found.append(Remark(one[0], None, carrier, first, until, one[1]))
    return found


def _gas(meter: str, carrier: str, trait: Trait, month: Period) -> Remark | None:
    if not trait & (Trait.UNSTATED | Trait.UNCONVERTIBLE):
        return None
    sentence = "gas_operating" if trait & Trait.UNCONVERTIBLE else "gas_unstated"
    return Remark("condition_unknown", meter, carrier, month.first, month.until, said(sentence, meter=meter))


def _spans(
    book: FactorBook, carrier: str, enterprise: str, region: str, month: Period
) -> Iterator[tuple[Coefficients, date, date]]:
    """Days of the month that are converted alike."""
    days = [month.first + timedelta(days=number) for number in range(month.days)]
    for coefficients, some in groupby(days, lambda day: book.at(carrier, enterprise, region, day)):
        alike = list(some)
        yield coefficients, alike[0], alike[-1] + timedelta(days=1)


def _conversion(
    book: FactorBook, carrier: str, found: Coefficients, declared: list[steam.Declared], first: date
) -> tuple[str, Said] | None:
    names = {"carrier_zh": book.carriers[carrier].name_zh, "carrier_en": book.carriers[carrier].name_en}
    if found.is_steam and found.kgce_equivalent is None:
        return "condition_unknown", said("steam_lacking", **names, why=_lacking(declared, first))
    if not found.is_stand_in or found.factor_equivalent is None:
        return None
    sentence = "received_value" if book.factors[found.factor_equivalent].method == "received" else "default_value"
    return "default_value", said(sentence, **names, kgce=found.kgce_equivalent or 0.0, unit=book.carriers[carrier].unit)


def _lacking(declared: list[steam.Declared], day: date) -> str:
    """Why the steam of that day has no heat, as its declaration stands."""
    state = next((one.state for one in declared if one.first <= day and (one.until is None or day < one.until)), None)
    try:
        steam.heat(state or steam.State())
    except steam.Lacking as lacking:
        return str(lacking)
    return f"steam by mass alone is no energy: {steam.STATED_HOW}"
