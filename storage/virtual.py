"""Virtual meters as the registry has them: formulas read, in the order in which they can be computed.

A virtual meter has a row among the meters (kind `virtual`) and rows of consumption like any other, so that whatever
serves a meter's figures serves its own. What it is computed from stands in `virtual_meter`.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby
from typing import NamedTuple

from psycopg import Connection

from energy import formulas, units, virtual
from energy.formulas import Formula, Linear
from energy.registers import MINUTE, Bools
from energy.windows import EVER
from storage import stale
from storage.arrays import micros
from storage.sql import sql
from storage.stale import StaleSpan


@dataclass(frozen=True)
class Around:
    """What a formula must know of a meter that it names; times in microseconds since 2000-01-01 UTC."""

    id: int
    carrier: str
    interval: int
    valid_from: int
    valid_to: int
    is_virtual: bool
    is_net: bool  # it may return energy, so that its amount may be below nought


class _Row(NamedTuple):
    """As the statement `virtual.formulas` gives it."""

    enterprise: int
    code: str
    id: int
    formula: str
    named: str
    unit: str
    carrier: str
    own_unit: str
    in_total: bool | None


@dataclass(frozen=True)
class Virtual:
    """One virtual meter, ready to be computed.

    in_scales: what an input's amounts, in its carrier's own unit, are multiplied with before the formula; out_scale:
    the carrier's own units for one unit of the result. level: 0 needs no other virtual meter.
    """

    id: int
    enterprise_id: int
    code: str
    written: str
    unit: str
    formula: Formula
    linear: Linear | None
    inputs: tuple[Around, ...]
    in_scales: tuple[float, ...]
    out_scale: float
    level: int
    may_fall: tuple[bool, ...]
    falls: bool
    has_demand: bool  # what is behind it needs quarter hours

    @property
    def named(self) -> str:
        return " ".join(self.formula.inputs)


@dataclass(frozen=True)
class Virtuals:
    """All virtual meters of one version of the registry. users: ids of those whose formulas name a meter, by its id."""

    by_id: Mapping[int, Virtual] = field(default_factory=dict)
    users: Mapping[int, tuple[int, ...]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.by_id)

    @property
    def depth(self) -> int:
        return 1 + max((one.level for one in self.by_id.values()), default=-1)

    def leaves(self, meter: int) -> set[int]:
        """The metered points behind a virtual meter, through the virtual ones between."""
        found: set[int] = set()
        for one in self.by_id[meter].inputs:
            found |= self.leaves(one.id) if one.is_virtual else {one.id}
        return found

    def with_users(self, meters: Iterable[int]) -> set[int]:
        """The virtual meters among these and all whose figures depend on any of them."""
        found: set[int] = set()
        waiting = list(meters)
        while waiting:
            meter = waiting.pop()
            if meter in self.by_id:
                found.add(meter)
            waiting += [user for user in self.users.get(meter, ()) if user not in found]
        return found

    def pass_up(self, mask: Bools) -> None:
        """Virtual meters are marked, by meter id, where any of their inputs is."""
        for one in sorted(self.by_id.values(), key=lambda one: one.level):
            mask[one.id] |= any(mask[each.id] for each in one.inputs)

    def pass_down(self, has_demand: Bools) -> None:
        """What the demand of a virtual meter is summed from needs quarter hours too."""
        for one in sorted(self.by_id.values(), key=lambda one: -one.level):
            if has_demand[one.id] and one.linear:
                has_demand[[each.id for each in one.inputs]] = True


# Read ---------------------------------------------------------------------------------------------


def load(conn: Connection, enterprises: Sequence[int] | None = None) -> Virtuals:
    """The virtual meters of these enterprises, or of all.

    A formula that cannot be read or goes in a circle is left out: an import that brings one is refused.
    """
    asked = {"enterprises": None if enterprises is None else list(enterprises)}
    rows = [_Row(*row) for row in conn.execute(sql("virtual.formulas"), asked)]
    if not rows:
        return Virtuals()
    around = _around(conn, asked)
    found: dict[int, Virtual] = {}
    for enterprise, some in groupby(rows, lambda row: row.enterprise):
        _read(list(some), around[enterprise], found)
    users: dict[int, list[int]] = defaultdict(list)
    for one in found.values():
        for each in one.inputs:
            users[each.id].append(one.id)
    return Virtuals(found, {meter: tuple(ids) for meter, ids in users.items()})


def _around(conn: Connection, asked: Mapping[str, object]) -> dict[int, dict[str, Around]]:
    found: dict[int, dict[str, Around]] = defaultdict(dict)
    for enterprise, code, id_, carrier, minutes, since, until, *is_ in conn.execute(sql("virtual.around"), asked):
        validity = micros(since) if since else -EVER, micros(until) if until else EVER
        found[enterprise][code] = Around(id_, carrier, minutes * MINUTE, *validity, *is_)
    return found


def _read(rows: Sequence[_Row], around: Mapping[str, Around], found: dict[int, Virtual]) -> None:
    """Those of one enterprise into `found`, which can be computed first before the others."""
    read: dict[str, Formula] = {}
    for row in rows:
        with suppress(ValueError):
            read[row.code] = formulas.parse(row.formula, row.named.split() or around)
    about = {row.code: row for row in rows if row.code in read}
    levels = formulas.levels({code: one.inputs for code, one in read.items()})
    for code in sorted(levels, key=lambda code: (levels[code], code)):
        inputs = tuple(around[each] for each in read[code].inputs)
        if all(not each.is_virtual or each.id in found for each in inputs):
            found[about[code].id] = _virtual(about[code], read[code], inputs, levels[code], found)


def _virtual(
    row: _Row, formula: Formula, inputs: tuple[Around, ...], level: int, known: Mapping[int, Virtual]
) -> Virtual:
    linear = formulas.linear(formula)
    may_fall = tuple(each.is_net or (each.is_virtual and known[each.id].falls) for each in inputs)
    scale = float(units.convert(row.unit, row.own_unit, carrier=row.carrier))
    if linear and linear.constant == 0 and all(each.carrier == row.carrier for each in inputs):
        scale = 1.0  # of a mere sum of its own carrier the unit cancels
    return Virtual(
        row.id,
        row.enterprise,
        row.code,
        row.formula,
        row.unit,
        formula,
        linear,
        inputs,
        tuple(1 / scale if each.carrier == row.carrier else 1.0 for each in inputs),
        scale,
        level,
        may_fall,
        virtual.falls(formula, may_fall),
        bool(row.in_total and linear and row.own_unit in ("kWh", "MJ")),
    )


# Registered ---------------------------------------------------------------------------------------


def register(conn: Connection, keys: Sequence[tuple[int, str]]) -> None:
    """Virtual meters (enterprise id, code) were imported: give them their meters, and leave stale what follows."""
    enterprises, codes = [enterprise for enterprise, _ in keys], [code for _, code in keys]
    for statement in ("register", "renew"):
        conn.execute(sql(f"virtual.{statement}"), {"enterprises": enterprises, "codes": codes})
    found = load(conn, sorted(set(enterprises)))
    _keep_read(conn, found.by_id.values())
    wanted = set(keys)
    _mark(conn, found, [one.id for one in found.by_id.values() if (one.enterprise_id, one.code) in wanted], True)


def mark_users(conn: Connection, keys: Sequence[tuple[int, str]]) -> None:
    """Meters (enterprise id, code) were registered otherwise: what formulas make of them is stale."""
    enterprises = sorted({enterprise for enterprise, _ in keys})
    if len(found := load(conn, enterprises)):
        wanted = set(keys)
        around = _around(conn, {"enterprises": enterprises})
        changed = [each.id for owner, some in around.items() for code, each in some.items() if (owner, code) in wanted]
        _mark(conn, found, changed, False)


def _keep_read(conn: Connection, every: Iterable[Virtual]) -> None:
    rows = [(one.id, one.named, one.falls) for one in every]
    meters, named, falls = ([row[place] for row in rows] for place in range(3))
    conn.execute(sql("virtual.keep_read"), {"meters": meters, "named": named, "falls": falls})


def _mark(conn: Connection, found: Virtuals, meters: Iterable[int], is_new: bool) -> None:
    """These virtual meters and those that use them; of new ones the points behind, which may need quarter hours now."""
    behind = {meter: found.leaves(meter) for meter in sorted(found.with_users(meters))}
    every = sorted({*behind, *(leaf for some in behind.values() for leaf in some)})
    spans = {meter: times for meter, *times in conn.execute(sql("virtual.spans"), {"meters": every})}
    stale.mark(conn, _spans(found, behind, spans, is_new))


def _spans(
    found: Virtuals, behind: Mapping[int, set[int]], spans: Mapping[int, Sequence[datetime]], is_new: bool
) -> Iterator[StaleSpan]:
    for meter, leaves in behind.items():
        one, told = found.by_id[meter], [spans[each] for each in (meter, *leaves) if each in spans]
        if told:
            affected = sorted({meter, *leaves}) if is_new and one.has_demand else [meter]
            since, until = min(times[0] for times in told), max(times[1] for times in told)
            yield StaleSpan(one.enterprise_id, affected, since, until + timedelta(hours=1), "registry")
