"""What a demo remembers of its earlier starts: a small file in the data folder, beside the database."""

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

_FILE = "demo.json"


@dataclass(frozen=True)
class Memory:
    """`anchor`: the full hour up to which the first start loaded history. `loaded`: up to where it is stored by now."""

    seed: int
    anchor: datetime
    loaded: datetime | None = None


def recall(folder: Path) -> Memory | None:
    """What was remembered in this data folder, None before the first start."""
    try:
        kept = json.loads((folder / _FILE).read_text("utf-8"))
    except FileNotFoundError:
        return None
    loaded = kept["loaded"]
    return Memory(
        kept["seed"], datetime.fromisoformat(kept["anchor"]), datetime.fromisoformat(loaded) if loaded else None
    )


def remember(folder: Path, memory: Memory) -> None:
    file = folder / f"{_FILE}.new"
    file.write_text(json.dumps(asdict(memory), default=datetime.isoformat, indent=1) + "\n", "utf-8")
    file.replace(folder / _FILE)
