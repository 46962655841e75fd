"""`python -m tests.bench [PART ...]`: everything, or single parts, at full or at smaller size."""

import json
import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path

import click

from energy.refused import Refused
from tests.bench import detectors, engines, intake, panels, quarter_hour, recompute, scale
from tests.bench.figures import Figure, table
from tests.bench.nation import Nation
from tests.bench.stand import Stand, stand

PARTS = ("hundreds", "singles", "nation", "panels", "recompute", "detectors", "scale", "engines")
_OF_THEIR_OWN = {"panels", "recompute", "detectors", "engines"}  # parts that bring their own registry, or need none
_LARGEST_COLLECTOR_MB = 300
_GB_A_READING = 0.25e-6  # with its consumption and the log of both, generously
_QUARTERS_A_DAY = 96


@click.command()
@click.argument("parts", nargs=-1, type=click.Choice(PARTS))
@click.option("--enterprises", default=17_000, show_default=True, help="Enterprises of sixty meters each.")
@click.option("--singles", default=100_000, show_default=True, help="Messages of one reading.")
@click.option("--year-meters", default=1_000, show_default=True, help="Meters whose year is computed again.")
@click.option("--workers", default=2, show_default=True, help="Workers that share the burst.")
@click.option("--full-day/--no-full-day", default=True, show_default=True, help="The burst after a full day as well.")
@click.option("--json", "file", type=click.Path(dir_okay=False, path_type=Path), help="Write the figures there too.")
@click.option("--folder", type=click.Path(file_okay=False, path_type=Path), help="Where to work; a temporary folder.")
def main(
    parts: Sequence[str],
    enterprises: int,
    singles: int,
    year_meters: int,
    workers: int,
    full_day: bool,
    file: Path | None,
    folder: Path | None,
) -> None:
    """Measure the PARTS (all of them), each beside its limits measured in the same run."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # told to end, it tidies up as after Ctrl-C
    now, began = datetime.now(UTC), time.monotonic()
    nation = Nation(enterprises, _beginning(now))
    wanted = parts or PARTS
    bursts = (_QUARTERS_A_DAY if full_day else 1) if "nation" in wanted else 1
    about = _about(nation)
    click.echo(" · ".join(f"{name} {value}" for name, value in about.items()))
    figures: list[Figure] = []
    try:
        needed_gb = 2 + max(nation.meters * bursts * _GB_A_READING, panels.NEEDED_GB, recompute.NEEDED_GB)
        with stand(folder, needed_gb) as one:
            if set(wanted) - _OF_THEIR_OWN:
                one.register(nation)
            for figure in chain(
                _measured(one, nation, wanted, singles, workers, full_day, now), _of_truth(one, wanted, year_meters)
            ):
                figures.append(figure)
                click.echo(f"{time.monotonic() - began:5.0f} s  {figure.part}: {figure.name}", err=True)
    except Refused as refusal:
        raise click.ClickException(str(refusal)) from refusal
    click.echo(table(figures))
    if file:
        told = {"about": about, "figures": [figure.as_json() for figure in figures]}
        file.write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", "utf-8")


def _measured(
    one: Stand, nation: Nation, wanted: Sequence[str], singles: int, workers: int, full_day: bool, now: datetime
) -> Iterator[Figure]:
    if "hundreds" in wanted:
        yield from intake.hundreds(one, nation, now)
    if "singles" in wanted:
        yield from intake.singles(one, nation, now, singles)
    if "nation" in wanted:
        yield from quarter_hour.quarter_hour(one, nation, full_day, workers)
    if "scale" in wanted:
        yield from scale.scale(one, nation, now)
    if "panels" in wanted:
        yield from panels.panels(one)
    if "engines" in wanted:
        click.echo(engines.about(), err=True)
        yield from engines.engines(nation)
    if "collect" in one.peaks:
        yield Figure("memory", "largest collector", one.peaks["collect"], "MB", aim=f"<= {_LARGEST_COLLECTOR_MB}")
    if "work" in one.peaks:
        yield Figure("memory", "largest worker", one.peaks["work"], "MB")


def _of_truth(one: Stand, wanted: Sequence[str], year_meters: int) -> Iterator[Figure]:
    """Parts about figures being right: computed again, and faults that are found."""
    if "recompute" in wanted:
        yield from recompute.recompute(one, year_meters)
    if "detectors" in wanted:
        if not detectors.DATA.is_dir():
            click.echo(detectors.ABSENT, err=True)
        yield from detectors.detect()


def _beginning(now: datetime) -> datetime:
    """The full hour with which the day of the bursts begins: its last burst is not in the future."""
    return (now - timedelta(days=1, minutes=30)).replace(minute=0, second=0, microsecond=0)


def _about(nation: Nation) -> dict[str, str]:
    load = " ".join(f"{each:.1f}" for each in os.getloadavg())
    return {
        "enterprises": f"{nation.enterprises:,}",
        "meters": f"{nation.meters:,}",
        "cores": str(os.cpu_count()),
        "load before": load,
        "begun": datetime.now(UTC).isoformat(timespec="seconds"),
    }


main()
