"""Three collectors and three workers on one broker and one database, killed at any moment: everything counts once.

The enterprises and their registers are invented. Values are multiples of 1/4, so that sums are exact in binary.
"""

import random
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from threading import Thread

import pytest
from psycopg import Connection

from alerts import evaluate, silence
from enermon.demo.gateways import Door, Gateway
from storage import database, judgement, rollup, seed, stale
from tests.bench.programs import Program, World, broker_url, running
from tests.conftest import Mosquitto
from tests.line import NOW, ZONE, Line

QUARTER = timedelta(minutes=15)
PLACES, MESSAGES, METERS = 30, 100, ("E-01", "E-02", "E-03", "E-04")
KILLS, DURING = 12, 72  # so many quarter hours are told while programs are killed, the others when all are back
Values = Mapping[str, tuple[datetime, float]]


@dataclass
class Crew:
    """Programs that are killed and started again; each keeps its name and its log."""

    world: World
    folder: Path
    words: Mapping[str, Sequence[str]]
    chance: random.Random
    ready: Mapping[str, str]
    programs: dict[str, Program] = field(default_factory=dict)

    def start(self, name: str) -> None:
        self.programs[name] = Program(self.world, self.words[name], self.folder / f"{name}.log")

    def await_all(self) -> None:
        for name, program in self.programs.items():
            program.wait_for(self.ready[name.split("-")[0]])

    def kill_one(self) -> None:
        name = self.chance.choice(sorted(self.programs))
        self.programs[name].kill()
        self.start(name)

    def wrote(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text()

    def idle(self) -> list[str]:
        """Who has stored nothing, or rolled up nothing."""
        shares = {"collect": r"readings\.accepted=[1-9]", "work": "rollup found=[1-9]"}
        return [name for name in self.words if not re.search(shares[name.split("-")[0]], self.wrote(name))]

    def end(self) -> None:
        for program in self.programs.values():
            assert program.end() == 0, program.said()[-2000:]


@contextmanager
def crew(world: World, folder: Path, chance: random.Random) -> Iterator[Crew]:
    words = {f"collect-{n}": ["collect", "--name", f"c{n}"] for n in range(3)}
    words |= {f"work-{n}": ["work"] for n in range(3)}
    one = Crew(world, folder, words, chance, {"collect": "connected", "work": "new day found"})
    try:
        for name in words:
            one.start(name)
        one.await_all()
        yield one
        one.end()
    finally:
        for program in one.programs.values():
            if program.runs():
                program.kill()


def codes() -> list[str]:
    return [f"SCALE-{number:02}" for number in range(PLACES)]


def register(dsn: str) -> None:
    """Enterprises that use far more than their quota of this year, and say so as soon as they are judged."""
    with database.connect(dsn) as conn:
        seed.seed(conn)
        conn.execute(
            "INSERT INTO enterprise (code, name, region) SELECT c, 'invented', '620000' FROM unnest(%s::text[]) c",
            (codes(),),
        )
        conn.execute(
            "INSERT INTO meter (enterprise_id, code, carrier, kind, unit, scale) SELECT e.id, m, 'electricity',"
            " 'register', 'kWh', 1 FROM enterprise e, unnest(%s::text[]) m",
            (list(METERS),),
        )
        conn.execute(
            'INSERT INTO quota (scope, code, metric, period, "limit", unit, basis)'
            " SELECT 'enterprise', code, 'tce', %s, 0.001, 'tce', 'equivalent' FROM enterprise",
            (str(begin().year),),
        )
        conn.execute("UPDATE registry_version SET version = version + 1")


def begin() -> datetime:
    """A full hour, so long ago that all quarter hours lie behind us and most of them in this year."""
    return (datetime.now(UTC) - MESSAGES * QUARTER - timedelta(hours=1)).replace(minute=0, second=0, microsecond=0)


def told(since: datetime, seed: int) -> Sequence[Values]:
    """What the registers of one enterprise say, quarter hour by quarter hour."""
    chance, found, values = random.Random(seed), [], dict.fromkeys(METERS, 1000.0)
    for step in range(MESSAGES):
        found.append({meter: (since + step * QUARTER, value) for meter, value in values.items()})
        values = {meter: value + chance.randrange(1, 400) / 4 for meter, value in values.items()}
    return found


def used(messages: Sequence[Values]) -> dict[tuple[str, datetime], float]:
    """Consumption by meter and hour, from the readings alone."""
    found: dict[tuple[str, datetime], float] = {}
    for before, after in pairwise(messages):
        for meter, (when, value) in after.items():
            hour = (when - QUARTER).replace(minute=0)
            found[meter, hour] = found.get((meter, hour), 0.0) + value - before[meter][1]
    return found


def rows(conn: Connection, query: str) -> list[tuple[object, ...]]:
    found = conn.execute(query.encode()).fetchall()
    conn.commit()
    return found


def test_three_collectors_and_three_workers_killed_at_random_do_everything_once(
    dsn: str, own_mosquitto: Mosquitto, tmp_path: Path
) -> None:
    register(dsn)
    since, chance = begin(), random.Random(3)
    sent = {code: told(since, number) for number, code in enumerate(codes())}
    accounts = {code: (code, own_mosquitto.password(code)) for code in codes()}
    door = Door("127.0.0.1", own_mosquitto.port, accounts)
    world = World(tmp_path, dsn, broker_url(own_mosquitto.access))
    gateways = {code: Gateway(door, code, "G1") for code in codes()}
    with crew(world, tmp_path, chance) as several, database.connect(dsn) as conn:
        try:
            for gateway in gateways.values():
                gateway.start()
            for gateway in gateways.values():
                gateway.await_subscription()
            for seq in range(MESSAGES):
                for code, gateway in gateways.items():
                    gateway.send(seq, sent[code][seq])
                if seq < DURING and seq % (DURING // KILLS) == 0:
                    time.sleep(chance.uniform(0, 0.6))
                    several.kill_one()
                if seq == DURING:
                    several.await_all()
                if seq > DURING and several.idle():
                    time.sleep(1)
            until_answered(list(gateways.values()))
        finally:
            for gateway in gateways.values():
                gateway.stop()
        until_quiet(conn)
    assert_stored_once(dsn, sent)
    assert_told_once(dsn)
    written = re.findall(r"report=(\S+)", "".join(map(several.wrote, several.words)))
    assert written and len(written) == len(set(written))
    assert several.idle() == [], "each of them had its share"


def until_answered(gateways: Sequence[Gateway]) -> None:
    end = time.monotonic() + 60
    while waiting := [gateway for gateway in gateways if gateway.take_tally().unanswered]:
        assert time.monotonic() < end, f"{len(waiting)} gateways wait for receipts"
        waiting[0].settle(time.monotonic() + 1)
        for gateway in waiting:
            gateway.send_again(older_than_s=3)


def until_quiet(conn: Connection) -> None:
    """Nothing waits to be recomputed, judged or told; what was being told by one who was killed waits ten minutes."""
    end = time.monotonic() + 60
    told = "SELECT FROM delivery WHERE state = 'due' AND due <= now()"
    busy = f"SELECT FROM stale_span UNION ALL SELECT FROM stale_judgement UNION ALL {told}"
    while left := rows(conn, busy):
        assert time.monotonic() < end, f"{len(left)} things wait"
        time.sleep(0.1)


def assert_stored_once(dsn: str, sent: Mapping[str, Sequence[Values]]) -> None:
    """Every reading with its value, and the amounts that follow."""
    with database.connect(dsn) as conn:
        owner = "meter ON meter.id = meter_id JOIN enterprise e ON e.id = enterprise_id"
        stored = rows(conn, f"SELECT e.code, meter.code, time, value FROM reading JOIN {owner} ORDER BY 1, 2, 3")
        assert stored == sorted(
            (code, m, *v) for code, told in sent.items() for values in told for m, v in values.items()
        )
        assert rows(conn, "SELECT FROM rival_reading UNION ALL SELECT FROM rejected_message") == []
        made = rows(conn, f"SELECT e.code, meter.code, hour, amount FROM consumption JOIN {owner} WHERE covered_s > 0")
        expected = {(code, *key): amount for code, told in sent.items() for key, amount in used(told).items()}
        assert {(code, meter, hour): amount for code, meter, hour, amount in made} == expected
        daily = rows(conn, "SELECT e.code, sum(amount) FROM usage JOIN enterprise e ON e.id = enterprise_id GROUP BY 1")
        assert dict(daily) == {code: sum(used(told).values()) for code, told in sent.items()}  # type: ignore[arg-type]


def assert_told_once(dsn: str) -> None:
    """Every enterprise is warned of once by each rule, and no event was told twice."""
    with database.connect(dsn) as conn:
        opened = rows(conn, "SELECT code FROM alert WHERE rule = 'quota_used' ORDER BY code")
        assert opened == [(code,) for code in codes()]
        subject = "rule, scope, code, subject, period"
        assert rows(conn, f"SELECT {subject} FROM alert GROUP BY {subject} HAVING count(*) > 1") == []
        again = "SELECT alert_id FROM alert_event GROUP BY alert_id, event, level HAVING count(*) > 1"
        assert rows(conn, again) == []
        assert rows(conn, "SELECT max(tries) FROM delivery") == [(1,)]


def test_a_second_collector_of_one_name_is_refused_and_the_first_goes_on(
    dsn: str, own_mosquitto: Mosquitto, tmp_path: Path
) -> None:
    world = World(tmp_path, dsn, broker_url(own_mosquitto.access))
    with running(world, ["collect", "--name", "left"], tmp_path / "first.log", "connected") as first:
        second = Program(world, ["collect", "--name", "left"], tmp_path / "second.log")
        assert second.wait(60) == 1
        assert "Another collector runs under the name 'left'; give each a name of its own" in second.said()
        assert first.runs() and first.said().count("connected") == 1


def test_a_collector_that_was_killed_comes_back_under_its_name(
    dsn: str, own_mosquitto: Mosquitto, tmp_path: Path
) -> None:
    world = World(tmp_path, dsn, broker_url(own_mosquitto.access))
    first = Program(world, ["collect", "--name", "left"], tmp_path / "first.log")
    first.wait_for("connected")
    first.kill()
    with running(world, ["collect", "--name", "left"], tmp_path / "second.log", "connected"):
        pass


# What several workers do at the same moment -------------------------------------------------------


@dataclass
class Pair:
    """Two workers on one database, in which an enterprise has readings and exceeds its quota."""

    one: Connection
    other: Connection
    line: Line

    def mark(self, *codes: str) -> None:
        with self.line.conn.transaction():
            self.line.conn.execute(
                "INSERT INTO stale_judgement (scope, code, why)"
                " SELECT 'enterprise', code, 'usage' FROM unnest(%s::text[]) code",
                (list(codes),),
            )

    def waits(self) -> bool:
        """Whether somebody waits for somebody else."""
        return rows(self.line.conn, "SELECT FROM pg_locks WHERE NOT granted AND locktype = 'advisory'") != []


@pytest.fixture
def pair(dsn: str, conn: Connection) -> Iterator[Pair]:
    seed.seed(conn)
    line = Line(conn)
    line.meter("A")
    line.tell(("A", minute, minute * 2.0) for minute in range(0, 600, 15))
    conn.execute(
        'INSERT INTO quota (scope, code, metric, period, "limit", unit, basis)'
        " VALUES ('enterprise', 'DEMO-1', 'tce', '2026', 0.001, 'tce', 'equivalent')"
    )
    conn.commit()
    with database.connect(dsn) as one, database.connect(dsn) as other:
        yield Pair(one, other, line)


def test_nobody_judges_an_enterprise_while_another_does(pair: Pair) -> None:
    pair.line.drain()
    pair.line.conn.commit()
    assert evaluate.work(pair.one, NOW, ZONE) == 1
    pair.mark("DEMO-1")
    assert evaluate.work(pair.other, NOW, ZONE) == 0
    pair.other.commit()
    pair.one.commit()
    assert evaluate.work(pair.other, NOW, ZONE) == 1
    pair.other.commit()
    events = rows(
        pair.one, "SELECT rule, event, count(*) FROM alert_event v JOIN alert a ON a.id = alert_id GROUP BY 1, 2"
    )
    assert events and all(count == 1 for _, _, count in events)


def test_workers_who_judge_together_take_an_equal_share_each(pair: Pair) -> None:
    assert stale.workers(pair.one) == 1
    assert stale.workers(pair.other) == 2
    pair.mark(*(f"E-{number}" for number in range(40)))
    shares = [set(judgement.take(each, shared=True).enterprises) for each in (pair.one, pair.other)]
    assert all(shares) and shares[0].isdisjoint(shares[1])
    assert len(shares[0] | shares[1]) == 40


def test_what_a_new_day_asks_for_is_asked_once_however_many_workers_see_it_begin(pair: Pair) -> None:
    for worker in (pair.one, pair.other):
        evaluate.mark_all(worker)
        worker.commit()
    assert rows(pair.one, "SELECT scope, code FROM stale_judgement") == [("enterprise", "DEMO-1")]


def test_one_worker_listens_for_silence_at_a_time(pair: Pair) -> None:
    assert silence.work(pair.one, NOW, ZONE) > 0
    assert silence.work(pair.other, NOW, ZONE) == 0
    pair.one.commit()
    pair.other.commit()
    assert silence.work(pair.other, NOW, ZONE) == 0, "it has been said"


def test_who_brings_figures_up_to_date_waits_for_those_who_are_at_it(pair: Pair) -> None:
    done: list[int] = []
    reporter = Thread(target=lambda: done.append(rollup.drain(pair.other, ZONE, NOW)))
    with pair.one.transaction():
        assert rollup.work(pair.one, ZONE, NOW) > 0
        reporter.start()
        while not pair.waits():
            assert reporter.is_alive(), "it would have gone on with figures that are not those of what had come"
            time.sleep(0.01)
    reporter.join(30)
    assert done == [0]
    assert rows(pair.other, "SELECT count(*) > 0 FROM usage") == [(True,)]
