"""Addresses for whoever watches the console: is the process alive, could it answer a page, what does it count?"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fastapi import APIRouter, HTTPException, Request, Response

from storage import readiness

router = APIRouter()
_LOOPBACK = ("127.0.0.1", "::1")
_FORWARDED = ("forwarded", "x-forwarded-for", "via")


@dataclass(frozen=True)
class Watched:
    """What else there is to watch in this process. metrics: as Prometheus reads them, None: there are none.

    parts: each says in a sentence why it is not ready, None if it is.
    """

    metrics: Callable[[], bytes] | None = None
    parts: Sequence[Callable[[], str | None]] = ()


@router.get("/healthz")
def alive() -> dict[str, str]:
    return {"status": "ok"}


@router.get("/readyz")
def ready(request: Request, response: Response) -> dict[str, str]:
    """200 with the database reachable, its schema current and every other part at work, else 503 and why."""
    reasons = (readiness.why_not(request.app.state.site.pool), *(part() for part in request.app.state.watched.parts))
    if reason := "; ".join(filter(None, reasons)):
        response.status_code = 503
        return {"status": "not ready", "reason": reason}
    return {"status": "ok"}


@router.get("/metrics")
def metrics(request: Request) -> Response:
    """Only for this machine, and not through a proxy: it has no accounts, and says how much goes wrong."""
    watched: Watched = request.app.state.watched
    is_near = request.client is not None and request.client.host in _LOOPBACK
    if watched.metrics is None or not is_near or any(name in request.headers for name in _FORWARDED):
        raise HTTPException(404)
    return Response(watched.metrics(), media_type="text/plain; version=0.0.4; charset=utf-8")
