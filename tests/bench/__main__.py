"""`python -m tests.bench [PART ...]`: everything, or single parts, at full or at smaller size."""

import json
import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from energy.refused import Refused
from tests.bench import intake, quarter_hour
from tests.bench.figures import Figure, table
from tests.bench.nation import Nation
from tests.bench.stand import Stand, stand

PARTS = ("hundreds", "singles", "nation")
_LARGEST_COLLECTOR_MB = 300
_GB_A_READING = 0.25e-6  # with its consumption and the log of both, generously
_QUARTERS_A_DAY = 96


@click.command()
@click.argument("parts", nargs=-1, type=click.Choice(PARTS))
@click.option("--enterprises", default=17_000, show_default=True, help="Enterprises of sixty meters each.")
@click.option("--singles", default=100_000, show_default=True, help="Messages of one reading.")
@click.option("--full-day/--no-full-day", default=True, show_default=True, help="The burst after a full day as well.")
@click.option("--json", "file", type=click.Path(dir_okay=False, path_type=Path), help="Write the figures there too.")
@click.option("--folder", type=click.Path(file_okay=False, path_type=Path), help="Where to work; a temporary folder.")
def main(
    parts: Sequence[str], enterprises: int, singles: int, full_day: bool, file: Path | None, folder: Path | None
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
        with stand(folder, 2 + nation.meters * bursts * _GB_A_READING) as one:
            one.register(nation)
            for figure in _measured(one, nation, wanted, singles, full_day, now):
                figures.append(figure)
                click.echo(f"{time.monotonic() - began:5.0f} s  {figure.part}: {figure.name}", err=True)
    except Refused as refusal:
        raise click.ClickException(str(refusal)) from refusal
    click.echo(table(figures))
    if file:
        told = {"about": about, "figures": [figure.as_json() for figure in figures]}
        file.write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", "utf-8")


def _measured(
    one: Stand, nation: Nation, wanted: Sequence[str], singles: int, full_day: bool, now: datetime
) -> Iterator[Figure]:
    if "hundreds" in wanted:
        yield from intake.hundreds(one, nation, now)
    if "singles" in wanted:
        yield from intake.singles(one, nation, now, singles)
    if "nation" in wanted:
        yield from quarter_hour.quarter_hour(one, nation, full_day)
    yield Figure("memory", "largest collector", one.peaks["collect"], "MB", aim=f"<= {_LARGEST_COLLECTOR_MB}")
    if "work" in one.peaks:
        yield Figure("memory", "largest worker", one.peaks["work"], "MB")


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
