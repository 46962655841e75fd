"""Our figure, the 205-1 return and the supplier's bill side by side (口径对照), in words.

`statements` are English like the command line; tables take the Chinese words, which `reports.words` translates.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from energy.comparison import Bill, Compared
from reports.numbers import shown, signed_percent
from storage.comparison import ReturnTold, Said
from storage.explain import Explanation
from storage.reports import Carrier

REASONS = {
    "no_figure": ("本平台无数据", "the platform has no figure"),
    "no_return": ("本月没有填报", "nothing was returned for the whole month"),
    "no_bill": ("没有账单", "there is no bill"),
    "return_stands": ("无计量，采用填报数", "no meter tells, so the return is the figure"),
    "bill_stands": ("无计量和填报，采用账单数", "no meter tells and nothing is returned, so the bill is the figure"),
    "parts_returned": ("部分分项取自填报", "a part that no meter tells is taken from the return"),
    "incomplete": ("在线数据不完整", "the online figure is incomplete"),
    "begins": ("在线数据自月内开始", "the online figure begins inside the month"),
    "bill_days": (
        "账单月不是自然月，按账单起止日比对",
        "bill months are not calendar months and are compared on their own days",
    ),
    "beyond": ("差异超出允许范围，原因待查", "the difference is beyond the line and nothing known explains it"),
    "within": ("差异在允许范围内", "the difference is within the line"),
}
BY = {
    "meters": ("在线计量", "by meters"),
    "return": ("填报", "by the return"),
    "bill": ("账单", "by the bill"),
    "used": ("按消费量", "by stated use"),
    "stocks": ("按购销存", "by purchases, sales and stocks"),
}
ENGLISH: Mapping[str, str] = dict([*REASONS.values(), *BY.values()])


@dataclass(frozen=True)
class Line:
    """One row of the table, ready to be shown; amounts in the carrier's own unit."""

    carrier: str
    unit: str
    ours: str
    by: str
    returned: str
    returned_by: str
    return_difference: str
    return_agrees: bool | None
    billed: str
    bills: str
    bill_difference: str
    bill_agrees: bool | None
    reasons: str


def lines(rows: Iterable[tuple[Carrier, Compared]], say: Callable[[str], str], language: str) -> list[Line]:
    return [_line(row, carrier, say, language) for carrier, row in rows]


def _line(row: Compared, carrier: Carrier, say: Callable[[str], str], language: str) -> Line:
    return Line(
        carrier.name_zh if language == "zh" else carrier.name_en,
        row.unit,
        shown(row.ours),
        say(BY[row.by][0]) if row.by else "",
        shown(row.returned),
        say(BY[row.returned_by][0]) if row.returned_by else "",
        signed_percent(row.return_difference),
        row.return_agrees,
        shown(row.billed),
        "；".join(f"{one.period} {shown(one.billed)}" for one in row.bills if one.spread != "whole"),
        signed_percent(row.bill_difference),
        row.bill_agrees,
        "；".join(say(REASONS[reason][0]) for reason in row.reasons),
    )


def statements(about: Explanation, zone: ZoneInfo) -> Iterator[str]:
    """What was returned, and how it compares, one sentence each."""
    for told in about.returns:
        yield _return(told)
        for item, said in told.said.items():
            if len(said) > 1:
                values = ", then ".join(_said(one, zone) for one in said)
                yield f"Restated: {told.carrier} {told.period} {item} was {values}."
    yield from (_compared(row) for row in about.comparison)


def _return(told: ReturnTold) -> str:
    stated = ", ".join(f"{item} {_last(said)}" for item, said in told.said.items())
    stands = {(): "it is compared only", ("all",): "it stands, for no meter tells"}.get(
        told.stands, f"of it stands {', '.join(told.stands)}, which no meter tells"
    )
    amount = "unknown" if told.amount is None else f"{_number(told.amount)} {told.unit} ({told.reason})"
    inside = f"{_number(told.inside)} of it in the month"
    return f"Return of {told.carrier}, {told.period} ({stated}): {amount}, {inside}; {stands}."


def _last(said: list[Said]) -> str:
    return f"{said[-1].quantity:f} {said[-1].unit}" if said and said[-1].quantity is not None else "stated"


def _said(one: Said, zone: ZoneInfo) -> str:
    what = "withdrawn" if one.quantity is None else f"{one.quantity:f} {one.unit}"
    document = f", document {one.document}" if one.document else ""
    return f"{what} (by {one.author or 'unknown'} at {one.written.astimezone(zone):%Y-%m-%d %H:%M}{document})"


def _compared(row: Compared) -> str:
    ours = f"our figure {_number(row.ours)} {row.unit}" + (f" {BY[row.by][1]}" if row.by else "")
    returned = f"return {_number(row.returned)}{_difference(row.return_difference)}"
    bills = "; ".join(_bill(one) for one in row.bills) or "no bill"
    why = "; ".join(REASONS[reason][1] for reason in row.reasons)
    return f"Side by side, {row.carrier}: {ours}; {returned}; {bills}. {why[:1].upper()}{why[1:]}."


def _bill(one: Bill) -> str:
    against = "not metered throughout" if one.metered is None else f"metered on its days {_number(one.metered)}"
    inside = "" if one.spread == "whole" else f", {_number(one.inside)} of it in the month by {one.spread}"
    return f"bill of {one.period} {_number(one.billed)}, {against}{_difference(one.difference)}{inside}"


def _difference(share: float | None) -> str:
    return "" if share is None else f" (we differ by {share:+.1%})"


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:,.6f}".rstrip("0").rstrip(".")
