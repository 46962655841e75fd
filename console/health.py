"""Two addresses for whoever watches the console: is the process alive, and could it answer a page?"""

from fastapi import APIRouter, Request, Response
from psycopg import OperationalError
from psycopg_pool import PoolTimeout

from console.site import Site
from storage import database

router = APIRouter()
_PATIENCE_S = 2.0  # a probe waits no longer for a connection


@router.get("/healthz")
def alive() -> dict[str, str]:
    return {"status": "ok"}


@router.get("/readyz")
def ready(request: Request, response: Response) -> dict[str, str]:
    """200 with the database reachable and its schema current, else 503 and why."""
    reason = _why_not(request.app.state.site)
    if reason:
        response.status_code = 503
        return {"status": "not ready", "reason": reason}
    return {"status": "ok"}


def _why_not(site: Site) -> str | None:
    try:
        with site.pool.connection(timeout=_PATIENCE_S) as conn:
            behind, ahead = database.behind(conn), database.ahead(conn)
    except (OperationalError, PoolTimeout):
        return "the database cannot be reached"
    except database.ChangedMigration as error:
        return str(error)
    if ahead:
        return f"the database belongs to a newer program, which ran {', '.join(ahead)}"
    return f"migrations have not run: {', '.join(behind)}; run enermon migrate" if behind else None
