"""The console as one ASGI application: pages for people, /api/v1 for scripts, two addresses for whoever watches it.

It only reads. Everything a page needs comes from ourselves, and the Content-Security-Policy says so to the browser.
"""

import logging
import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from fastapi.staticfiles import StaticFiles
from psycopg import Connection, OperationalError
from psycopg_pool import ConnectionPool, PoolTimeout
from starlette.exceptions import HTTPException
from starlette.middleware.trustedhost import TrustedHostMiddleware

from console import api, health, web
from console.health import Watched
from console.site import Options, Site, trouble_page
from console.trouble import Trouble
from energy.refused import Refused
from storage import telemetry
from storage.telemetry import Work
from storage.usage import UnknownSubject

log = logging.getLogger(__name__)

_UNTOLD = ("/static/", "/healthz", "/readyz", "/metrics")
_STATIC = Path(__file__).parent / "static"
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self';"
    " base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache",
}


def create_app(
    pool: ConnectionPool[Connection], options: Options, now: Callable[[], datetime], watched: Watched | None = None
) -> FastAPI:
    """The console over a pool that its owner opens and closes. `now` gives the present instant, aware."""
    app = FastAPI(title="Enermon", docs_url=None, redoc_url=None, openapi_url="/api/v1/openapi.json")
    app.state.site = Site(pool, options, now)
    app.state.watched = watched or Watched()
    app.middleware("http")(_with_headers)
    app.middleware("http")(_told)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=list(options.hosts), www_redirect=False)
    app.mount("/static", StaticFiles(directory=_STATIC), name="static")
    for router in (web.router, api.router, health.router):
        app.include_router(router)
    _answer_troubles(app)
    return app


async def _with_headers(request: Request, answer: Callable[[Request], Awaitable[Response]]) -> Response:
    response = await answer(request)
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    return response


async def _told(request: Request, answer: Callable[[Request], Awaitable[Response]]) -> Response:
    """One line a page or API answer: its route, never what was asked for. Those who watch and styles are left out."""
    began, status = time.monotonic(), 500
    try:
        response = await answer(request)
        status = response.status_code
        return response
    finally:
        route = getattr(request.scope.get("route"), "path", "unknown")
        if not request.url.path.startswith(_UNTOLD):
            counts: telemetry.Counts = {f"requests.{status // 100}xx": 1, "status": str(status), "route": route}
            telemetry.tell(log, Work("console", 1, time.monotonic() - began, counts))


def _answer_troubles(app: FastAPI) -> None:
    for kind in (HTTPException, RequestValidationError, Trouble, Refused, OperationalError, PoolTimeout, Exception):
        app.add_exception_handler(kind, _answer_trouble)


def _answer_trouble(request: Request, error: Exception) -> Response:
    """The same sentence as a page for people and as JSON for scripts."""
    trouble = _understood(error)
    if request.url.path.startswith("/api/"):
        return JSONResponse({"error": trouble.sentence("en")}, trouble.status)
    return trouble_page(request, trouble)


def _understood(error: Exception) -> Trouble:
    match error:
        case Trouble():
            return error
        case Refused():
            return Trouble(404 if isinstance(error, UnknownSubject) else 400, "refused", error)
        case RequestValidationError():
            first = error.errors()[0]
            return Trouble(400, "bad_question", f"{first['loc'][-1]}: {first['msg']}")
        case HTTPException():
            return Trouble(error.status_code, "not_found" if error.status_code == 404 else "not_possible")
        case OperationalError() | PoolTimeout():
            return Trouble(503, "database_away")
    return Trouble(500, "not_possible")
