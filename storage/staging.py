"""Many rows against one table at once: by COPY into a temporary table of its shape, and one statement from there."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from psycopg import Connection
from psycopg.rows import dict_row
from psycopg.sql import SQL, Composable, Composed, Identifier, Literal

from storage.registry_tables import Table


def matching(
    conn: Connection,
    table: str,
    keys: Sequence[str],
    wanted: Iterable[Sequence[Any]],
    columns: Sequence[str],
    fixed: Mapping[str, Any],
) -> list[dict[str, Any]]:
    """The rows of the table under these keys, with those columns; `fixed` columns must have their values."""
    with incoming(conn, table, keys, wanted), conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            SQL("SELECT {} FROM {} JOIN incoming USING ({}) WHERE {}").format(
                _list(columns), Identifier(table), _list(keys), _fixed(fixed)
            )
        ).fetchall()


def upsert(
    conn: Connection, table: str, keys: Sequence[str], columns: Sequence[str], rows: Iterable[Sequence[Any]]
) -> None:
    """Insert the rows, or give those that exist under the same keys these values."""
    with incoming(conn, table, columns, rows):
        merge(conn, table, keys, columns)


def merge(conn: Connection, table: str, keys: Sequence[str], columns: Sequence[str]) -> None:
    """The same with what lies in `incoming`, which has these columns."""
    names = [SQL("{0} = EXCLUDED.{0}").format(Identifier(name)) for name in columns if name not in keys]
    conn.execute(
        SQL("INSERT INTO {} ({}) SELECT {} FROM incoming ON CONFLICT ({}) DO UPDATE SET {}").format(
            Identifier(table), _list(columns), _list(columns), _list(keys), SQL(", ").join(names)
        )
    )


def add_missing(conn: Connection, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Insert the rows whose keys are not there yet, and leave the others as they are."""
    with incoming(conn, table, columns, rows):
        conn.execute(
            SQL("INSERT INTO {} ({}) SELECT {} FROM incoming ON CONFLICT DO NOTHING").format(
                Identifier(table), _list(columns), _list(columns)
            )
        )


@contextmanager
def incoming(conn: Connection, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[None]:
    """A temporary table `incoming` with these columns of the table, filled with the rows, while the block runs."""
    target = SQL("CREATE TEMP TABLE incoming ON COMMIT DROP AS SELECT {} FROM {} WITH NO DATA")
    conn.execute(target.format(_list(columns), Identifier(table)))
    with conn.cursor() as cursor, cursor.copy(SQL("COPY incoming FROM STDIN")) as copy:
        for row in rows:
            copy.write_row(row)
    yield
    conn.execute(SQL("DROP TABLE incoming"))


def with_codes(table: Table) -> Composed:
    """The query for a table's rows as its registry file has them: codes for ids, ordered by key."""
    own = Identifier(table.into)
    tables: Composable = own
    if table.of_meter:
        tables = SQL("{} JOIN meter ON meter.id = meter_id JOIN enterprise ON enterprise.id = enterprise_id").format(
            own
        )
    elif "enterprise" in table.by_name:
        tables = SQL("{} JOIN enterprise ON enterprise.id = enterprise_id").format(own)
    places = {"enterprise": SQL("enterprise.code"), "meter": SQL("meter.code")}
    columns = {c.name: places.get(c.name) or SQL("{}.{}").format(own, Identifier(c.stored)) for c in table.columns}
    without = table.without.items()
    others = [SQL("AND {}.{} <> {}").format(own, Identifier(name), Literal(value)) for name, value in without]
    return SQL("SELECT {} FROM {} WHERE {} {} ORDER BY {}").format(
        SQL(", ").join(columns.values()),
        tables,
        _fixed(table.fixed),
        SQL(" ").join(others),
        SQL(", ").join(columns[key.name] for key in table.keys),
    )


def _list(names: Iterable[str]) -> Composed:
    return SQL(", ").join(map(Identifier, names))


def _fixed(values: Mapping[str, Any]) -> Composable:
    pairs = [SQL("{} = {}").format(Identifier(name), Literal(value)) for name, value in values.items()]
    return SQL(" AND ").join(pairs) if pairs else SQL("true")
