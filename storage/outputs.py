"""Production as it is sent by MQTT: the denominator of unit energy."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from psycopg import Connection

from storage.sql import sql


@dataclass(frozen=True, slots=True)
class Output:
    """Quantity of one product in one period, in the unit as it was sent. kind: qualified, gross or used_inside."""

    product: str
    period: str
    quantity: Decimal
    unit: str
    kind: str


def units(conn: Connection, enterprise_id: int) -> dict[str, str]:
    """Registered products and their units."""
    return dict(conn.execute(sql("outputs.units"), {"enterprise": enterprise_id}).fetchall())


def put(conn: Connection, enterprise_id: int, output: Output, source: str, received: datetime) -> bool:
    """Store it; False if exactly this was already known."""
    return (
        conn.execute(
            sql("outputs.put"),
            {
                "enterprise": enterprise_id,
                "product": output.product,
                "period": output.period,
                "quantity": output.quantity,
                "unit": output.unit,
                "kind": output.kind,
                "source": source,
                "received": received,
            },
        ).fetchone()
        is not None
    )


def judge_again(conn: Connection, code: str) -> None:
    conn.execute(sql("outputs.judge_again"), {"code": code})
