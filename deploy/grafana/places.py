"""Which regions have a folder of dashboards: the smallest one that has every enterprise inside, and those below it."""

import re
from collections.abc import Iterator, Sequence
from hashlib import sha256

from deploy.grafana.boards import Place
from storage.viewer import Region

_PLAIN = re.compile(r"[A-Za-z0-9_-]{1,20}")  # a uid has room for 40, of which a board's name takes the rest


def places(regions: Sequence[Region]) -> list[Place]:
    """The province, then its cities that have enterprises; nothing where nobody is registered."""
    seats = [region.code for region in regions if region.units]
    if not seats:
        return []
    above = {region.code: list(_above(region.code, {one.code: one.parent for one in regions})) for region in regions}
    top = next((code for code in above[seats[0]] if all(code in above[seat] for seat in seats)), None)
    found = [region for region in regions if region.parent == top and any(region.code in above[seat] for seat in seats)]
    return [_place(region, regions, above) for region in (*(one for one in regions if one.code == top), *found)]


def _above(code: str, parents: dict[str, str | None]) -> Iterator[str]:
    """The region itself, the one above it, and so on."""
    at: str | None = code
    while at is not None:
        yield at
        at = parents[at]


def _place(region: Region, regions: Sequence[Region], above: dict[str, list[str]]) -> Place:
    centres = any(one.centres and region.code in above[one.code] for one in regions)
    return Place(region.code, region.name, key_of(region.code), centres)


def key_of(code: str) -> str:
    """What stands for a region's code in uids: the code, or where a uid could not hold it a digest."""
    return code if _PLAIN.fullmatch(code) else sha256(code.encode()).hexdigest()[:16]
