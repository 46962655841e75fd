"""An explanation in numbered statements, as one would answer in a hearing.

English like the command line; the same facts under stable names are `storage.explain.Explanation`.
"""

from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

from reports import record, side_by_side
from storage.explain import (
    Conflict,
    Conversion,
    CorrectionTold,
    Explanation,
    FactorTold,
    MeterTold,
    ReadingTold,
    StepTold,
)

MOST = 40  # readings or steps of one meter that are told in text; JSON has all
_FLAGS = {
    "rollover": "the register passed its highest number and went on from zero",
    "reset": "the register fell to an unknown start, so that the amount is bounded and not known",
    "exchange": "the register changes here; the final and the initial one on record join both sides",
    "multiplier": "the multiplier changed inside without a reading at that instant",
    "over_rate": "more than the meter's largest plausible rate",
    "negative": "negative where the point cannot return energy",
    "gap": "longer than the approved interval: the total is known, its hours are estimated",
    "interpolated": "shared with the time outside the month in proportion to time",
    "conflict": "several values were told",
    "dip": "lower than what came before and after",
    "spike": "higher than what came before and after",
    "estimated": "estimated, not measured",
}
_WHY = {
    "source": "its source goes before the others'",
    "seq": "it has the larger sequence number",
    "value": "of equal source and sequence number the larger value is taken",
}
_KINDS = {"equivalent": "equivalent", "equal_value": "equal value", "co2": "CO2"}


def statements(about: Explanation, zone: ZoneInfo) -> list[str]:
    """Numbered statements, those about one meter indented under its own."""
    told = _Told(about, zone)
    lines = [f"{about.enterprise} {about.name}, {about.period}, as of {told.at(about.as_of)}."]
    every = [*told.figures(), *told.conversions(), *about.remarks, *told.counting()]
    every += side_by_side.statements(about, zone)
    lines += [f"{number}. {each}" for number, each in enumerate(every, 1)]
    meters = [meter for meter in about.meters if meter.counts or about.meter]
    for number, meter in enumerate(meters, len(every) + 1):
        lines.append(f"{number}. {told.registered(meter)}")
        lines += [f"{number}.{under} {each}" for under, each in enumerate(told.meter(meter), 1)]
    return lines


class _Told:
    """The words for one explanation."""

    def __init__(self, about: Explanation, zone: ZoneInfo) -> None:
        self.about, self.zone = about, zone

    def at(self, instant: datetime) -> str:
        return f"{instant.astimezone(self.zone):%Y-%m-%d %H:%M:%S}".removesuffix(":00")

    def span(self, since: datetime, until: datetime) -> str:
        return f"{self.at(since)} to {self.at(until)}"

    # the total

    def figures(self) -> Iterator[str]:
        for row in self.about.figures:
            share = (
                "no reading was expected" if row.completeness is None else f"{row.completeness:.2%} of readings came"
            )
            if "returned" in row.flags and row.estimated == 1:
                share = f"returned by hand for {row.completeness or 0:.2%} of the time"
            flags = f"; flags: {', '.join(row.flags)}" if row.flags else ""
            yield (
                f"{row.carrier}: {_bounded(row.amount, row.low, row.high)} {row.unit}; "
                f"{_number(row.tce_equivalent)} tce (equivalent), {_number(row.tce_equal_value)} tce (equal value), "
                f"{_number(row.tce_assessed)} tce assessed, {_number(row.tco2)} tCO2; {share}; "
                f"{_number(row.estimated and row.estimated * 100)} % of the amount is estimated{flags}."
            )
        totals = self.about.totals
        yield (
            f"Together {'at least ' if totals.at_least and totals.tce_equivalent is not None else ''}"
            f"{_number(totals.tce_equivalent)} tce (equivalent), {_number(totals.tce_equal_value)} tce (equal "
            f"value), {_number(totals.tce_assessed)} tce assessed, {_number(totals.tco2)} tCO2."
        )

    def conversions(self) -> Iterator[str]:
        for one in self.about.conversion:
            days = f"{one.carrier}, {one.since} to before {one.until} ({one.days} days)"
            yield f"{days}: {_arithmetic(one)} {' '.join(map(_factor, one.factors))}".strip()

    def counting(self) -> Iterator[str]:
        if self.about.meter:
            return
        for meter in self.about.meters:
            how = {1: "is added", -1: "is taken off"}.get(meter.sign, "is split off" if meter.counts else "is left out")
            amount = _bounded(meter.usage.amount, meter.usage.low, meter.usage.high)
            whose = f"Meter {meter.code} ({meter.carrier}, {meter.role})"
            yield f"{whose} {how}: {meter.reason}; {amount} {meter.carrier_unit}."

    # one meter

    def registered(self, meter: MeterTold) -> str:
        if meter.computed:
            inputs = ", ".join(f"{row.meter} in {row.unit}" for row in meter.computed.inputs)
            return (
                f"Meter {meter.code} {meter.name}".rstrip() + f" is virtual: {meter.computed.formula},"
                f" hour by hour, of "
                f"{inputs}; the result is in {meter.computed.unit}, as its inputs of {meter.carrier} are."
            )
        kinds = {"register": "a cumulative register", "interval": "an amount for each interval", "power": "a mean rate"}
        once = f"one unit is {_number(meter.scale)} {meter.carrier_unit}"
        return (
            f"Meter {meter.code} {meter.name}".rstrip() + f" sends {kinds[meter.kind]} in {meter.unit} every "
            f"{meter.interval_minutes} minutes, multiplier {_number(float(meter.multiplier))}, so {once}."
        )

    def meter(self, meter: MeterTold) -> Iterator[str]:
        amount = _bounded(meter.usage.amount, meter.usage.low, meter.usage.high)
        alone = f"; its readings alone come to {_number(meter.by_readings)}" if _is_corrected(meter) else ""
        yield f"Its amount in the month: {amount} {meter.carrier_unit}{alone}."
        yield from self._computed(meter) if meter.computed else self._received(meter)
        yield from _capped([self._conflict(one) for one in meter.conflicts], "conflicts")
        yield from _capped([self._aside(one) for one in meter.set_aside], "readings set aside")
        yield from self._events(meter)
        yield from _capped([self._step(one, meter) for one in meter.steps], "steps")
        yield from (self._correction(one, meter) for one in meter.corrections)
        yield from record.statements(meter.record, self.at)
        unknown = [f"Nothing is known of {self.span(*span)}." for span in meter.unknown]
        yield from _capped(unknown, "spans of which nothing is known")
        yield from (f"{count} readings under this code were rejected: {why}." for why, count in meter.rejected.items())
        if meter.readings is not None:
            yield from _capped([self._reading(one, meter) for one in meter.readings], "readings")

    def _computed(self, meter: MeterTold) -> Iterator[str]:
        for row in meter.computed.inputs if meter.computed else ():
            flags = f"; flags: {', '.join(row.flags)}" if row.flags else ""
            came = "no reading was expected" if row.completeness is None else f"{row.completeness:.2%} of readings came"
            yield f"Input {row.meter}: {_bounded(row.amount, row.low, row.high)} {row.unit}; {came}{flags}."

    def _received(self, meter: MeterTold) -> Iterator[str]:
        told = meter.received
        ways = ", ".join(f"{count} by {way}" for way, count in told.by_source.items()) or "none"
        yield (
            f"Expected {told.expected} readings, received {told.received}; stored from the month's first instant to "
            f"its last: {told.stored} ({ways})."
        )
        names = (
            (told.before, "last before"), (told.first, "first of"), (told.last, "last of"), (told.after, "first after"),
        )  # fmt: skip
        known = [f"{name} the month {_number(one.value)} at {self.at(one.time)}" for one, name in names if one]
        if known:
            yield f"Readings: {'; '.join(known)}."

    def _conflict(self, one: Conflict) -> str:
        others = ", ".join(f"{_number(other.value)} ({_origin(other)})" for other in one.others)
        chosen = f"{_number(one.chosen.value)} ({_origin(one.chosen)})"
        return f"At {self.at(one.time)} {chosen} was chosen and {others} was not: {_WHY[one.why]}."

    def _aside(self, one: ReadingTold) -> str:
        why = _FLAGS.get(one.set_aside or "", one.set_aside)
        return f"The reading {_number(one.value)} at {self.at(one.time)} was set aside as {one.set_aside}: {why}."

    def _events(self, meter: MeterTold) -> Iterator[str]:
        for event in meter.events:
            told = [f"{name} {event[name]}" for name in ("old_final", "new_initial", "new_serial", "value", "document")
                    if event[name] is not None]  # fmt: skip
            yield f"On record at {self.at(event['time'])}: {event['event']} ({', '.join(told) or 'nothing stated'})."

    def _step(self, one: StepTold, meter: MeterTold) -> str:
        amount = f"{_bounded(one.amount, one.low, one.high)} {meter.carrier_unit}"
        inside = f", of which {_number(one.inside)} in the month" if "interpolated" in one.flags else ""
        why = "; ".join(_FLAGS[flag] for flag in one.flags if flag in _FLAGS)
        return f"{self.span(one.since, one.until)}: {amount}{inside} ({', '.join(one.flags)}): {why}."

    def _correction(self, one: CorrectionTold, meter: MeterTold) -> str:
        amount = "unknown" if one.amount is None else f"{_number(one.amount)} {one.unit}"
        instead = f"{_number(one.in_place_of)} {meter.carrier_unit} by the readings"
        what = f"Correction {one.id}, {self.span(one.since, one.until)}: {amount} in place of {instead}, {one.reason}"
        document = f", document {one.document}" if one.document else ", no document"
        by = f"; written by {one.author}"
        if one.approved_at:
            by += f", approved by {one.approver} at {self.at(one.approved_at)}"
        if one.withdrawn_at:
            by += f", withdrawn by {one.withdrawn_by} at {self.at(one.withdrawn_at)}: it does not count"
        elif not one.approved_at:
            by += ", not approved: it does not count"
        elif one.overruled_by:
            by += f"; where correction {', '.join(map(str, one.overruled_by))} stands, it gives way"
        return f"{what}{document}{by}."

    def _reading(self, one: ReadingTold, meter: MeterTold) -> str:
        amount = "" if one.amount is None else f", {_number(one.amount)} {meter.carrier_unit}"
        aside = f", set aside as {one.set_aside}" if one.set_aside else ""
        flags = f", {', '.join(one.flags)}" if one.flags else ""
        return f"{self.at(one.time)}: {_number(one.value)} ({_origin(one)}){amount}{flags}{aside}."


def _is_corrected(meter: MeterTold) -> bool:
    return any(one.state == "approved" for one in meter.corrections)


def _origin(one: ReadingTold) -> str:
    return one.source or "unknown" if one.seq is None else f"{one.source}, seq {one.seq}"


def _capped(lines: list[str], what: str) -> Iterator[str]:
    yield from lines[:MOST]
    if len(lines) > MOST:
        yield f"And {len(lines) - MOST} further {what}; --format json has all."


def _arithmetic(one: Conversion) -> str:
    """The sums behind tce and CO2, as far as there are factors for them."""
    amount = f"{_number(one.amount)} {one.unit}"
    parts = f"{_number(one.bought)} bought + {_number(one.renewable)} own renewable - {_number(one.exported)} sold"
    lines = [f"{parts} = {amount}."]
    if one.is_medium:
        lines.append(f"A medium: {_number(one.tce_medium)} tce in the total of GB/T 2589 only.")
    elif one.kgce_equivalent is None:
        lines.append("No factor holds, so it is not converted.")
    else:
        left_out = f"{_number(one.feedstock)} feedstock - {_number(one.self_used_renewable)} own renewable used"
        k = f"{_number(one.kgce_equivalent)} kgce/{one.unit} / 1000"
        lines.append(f"{amount} x {k} = {_number(one.tce_equivalent)} tce (equivalent).")
        lines.append(f"({_number(one.amount)} - {left_out}) x {k} = {_number(one.tce_assessed)} tce assessed.")
    if one.kgce_equal_value is not None and not one.is_medium:
        k = f"{_number(one.kgce_equal_value)} kgce/{one.unit} / 1000"
        lines.append(f"{amount} x {k} = {_number(one.tce_equal_value)} tce (equal value).")
    if one.kgco2 is not None and not one.is_medium:
        k = f"{_number(one.kgco2)} kgCO2/{one.unit} / 1000"
        what = "bought net" if one.emitting == one.net_bought else "burnt"
        lines.append(f"{_number(one.emitting)} {one.unit} {what} x {k} = {_number(one.tco2)} tCO2.")
    return " ".join(lines)


def _factor(one: FactorTold) -> str:
    value = f"from {_number(_float(one.lhv_kj_per_unit))} kJ" if one.value is None else _number(float(one.value))
    until = f" to before {one.valid_to}" if one.valid_to else ""
    whose = one.scope or one.region or "national"
    at = {"std_0c": " at 0 °C", "std_20c": " at 20 °C"}.get(one.gas_condition or "", "")
    return (
        f"Factor {_KINDS[one.kind]}: {value} per {one.unit}{at}, {whose}, {one.method}, {one.confidence}, valid from "
        f"{one.valid_from}{until}, source: {one.source or 'not stated'}."
    )


def _float(value: object) -> float | None:
    return None if value is None else float(str(value))


def _bounded(amount: float | None, low: float | None, high: float | None) -> str:
    """A figure with its bounds, where it is not fully known."""
    if amount is not None and amount == low == high:
        return _number(amount)
    if low is None:
        return "unknown" if amount is None else _number(amount)
    most = "no upper bound" if high is None else f"at most {_number(high)}"
    return f"{'unknown' if amount is None else _number(amount)} (at least {_number(low)}, {most})"


def _number(value: float | None) -> str:
    """Rounded for reading only; JSON has every digit."""
    return "unknown" if value is None else f"{value:,.6f}".rstrip("0").rstrip(".")
