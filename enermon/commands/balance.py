"""`enermon balance`: main meters against the meters below them."""

from collections.abc import Sequence
from typing import Any

import click

from energy import sentences
from energy.balance import COVERAGE_FACTOR, Side
from energy.periods import Period
from energy.refused import Refused
from enermon.commands.report import Month
from enermon.context import App, format_option, pass_app
from enermon.output import print_json, print_table
from storage import registry, rollup
from storage.balance import CarrierBalance, balances


@click.command("balance")
@click.option("--enterprise", metavar="E", required=True, help="The enterprise's code.")
@click.option("--month", type=Month(), required=True, help="The month, for instance 2026-10.")
@format_option
@pass_app
def command(app: App, enterprise: str, month: Period, format: str) -> None:
    """What main meters deliver against what the meters below them use, and what the meters' classes leave open."""
    zone, now = app.settings.zone, app.now()
    with app.connect() as conn:
        rollup.drain(conn, zone, now)
        known = registry.enterprise(conn, enterprise)
        if known is None:
            raise Refused(
                f"enterprise {enterprise!r} is not registered; import it, or `enermon export DIR` shows what is"
            )
        found = balances(conn, known.id, month, zone, now)
    if format == "json":
        document = {"enterprise": enterprise, "month": month.name, "coverage_factor": COVERAGE_FACTOR}
        print_json(document | {"balances": [_shown(one) for one in found]})
    elif found:
        _print(found)
    else:
        click.echo("No meter names another one of its carrier as its parent, so there is nothing to balance.")


def _shown(one: CarrierBalance) -> dict[str, Any]:
    told = one.balance
    return {
        "meter": told.main.party.meter,
        "carrier": one.carrier.code,
        "unit": one.unit,
        "outcome": told.outcome,
        "reason": sentences.text(told.said, "en"),
        "supply": told.supply,
        "used": told.used,
        "residual": told.residual,
        "residual_share": told.residual_share,
        "uncertainty": told.uncertainty,
        "hours": told.hours,
        "share": told.share,
        "class_assumed": told.is_assumed,
        "main": _side(told.main),
        "subs": [_side(side) for side in told.subs],
    }


def _side(side: Side) -> dict[str, Any]:
    """One meter's part. share: of the period's hours, those in which it was measured."""
    party = side.party
    return {
        "meter": party.meter,
        "role": party.role,
        "sign": party.sign,
        "amount": side.amount,
        "share": side.share,
        "accuracy_class": party.accuracy_class,
        "error_pct": party.accuracy.pct,
        "class_assumed": party.accuracy.is_assumed,
    }


def _print(found: Sequence[CarrierBalance]) -> None:
    names = ("meter", "carrier", "supply", "used", "residual", "uncertainty", "unit", "compared", "outcome")
    print_table(names, [_line(one) for one in found])
    for one in found:
        told = one.balance
        click.echo(f"\n{told.main.party.meter}: {sentences.text(told.said, 'en')}")
        for side in told.sides:
            click.echo(f"  {_told(side, one.unit)}")


def _line(one: CarrierBalance) -> list[str]:
    told = one.balance
    figures = [_cell(figure) for figure in (told.supply, told.used, told.residual)]
    return [
        told.main.party.meter, one.carrier.code, *figures, f"±{_cell(told.uncertainty)}", one.unit, f"{told.share:.1%}",
        told.outcome,
    ]  # fmt: skip


def _told(side: Side, unit: str) -> str:
    party = side.party
    stated = "no class stated, GB 17167 asks for" if party.accuracy.is_assumed else f"class {party.accuracy_class},"
    how = "in" if party.sign > 0 else "out"
    return (
        f"{how:3}  {party.meter}: {_cell(side.amount)} {unit} in the hours compared, measured in {side.share:.1%} of "
        f"all; {stated} ±{party.accuracy.pct:g} %"
    )


def _cell(value: float | None) -> str:
    """Rounded for reading only; JSON has every digit."""
    return "—" if value is None else f"{value:,.4f}".rstrip("0").rstrip(".")
