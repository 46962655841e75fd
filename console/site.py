"""What every page stands on: options, templates, one read-only moment of the database, and how trouble is told."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cache, cached_property
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import Depends, Query, Request
from fastapi import Path as PathParameter
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from psycopg import Connection
from psycopg_pool import ConnectionPool

from alerts.rules import Rules, shipped
from console.overview import LEVELS, Patience
from console.shown import filters, link_in
from console.trouble import Trouble
from console.words import LANGUAGES, Words, words
from energy import periods
from energy.periods import DEFAULT_ZONE
from storage import pages

_TEMPLATES = Path(__file__).parent / "templates"


# What an address may ask for. Anything else is answered by a sentence before the database sees it.
FIRST_DAY, LAST_DAY = date(1990, 1, 1), date(2200, 1, 1)
NO_NUL = r"^[^\x00]*$"  # PostgreSQL's text has none
Day = Annotated[date, Query(ge=FIRST_DAY, le=LAST_DAY)]
EnterpriseCode = Annotated[str, PathParameter(max_length=64, pattern=NO_NUL)]
Id = Annotated[int, PathParameter(ge=1, le=2**63 - 1)]


@dataclass(frozen=True)
class Options:
    """What an operator can set. hosts: names under which the console may be asked for, against DNS rebinding.

    reports: the folder to which recorded report files are relative, and outside of which none is served.
    rules: the alert rules, whose patience with silence the pages share.
    """

    zone: ZoneInfo = DEFAULT_ZONE
    language: str = LANGUAGES[0]
    hosts: tuple[str, ...] = ("127.0.0.1", "localhost")
    reports: Path = Path("reports")
    rules: Rules = field(default_factory=shipped)


@dataclass(frozen=True)
class Site:
    """One console: over which pool, with which options, and what its clock says."""

    pool: ConnectionPool[Connection]
    options: Options
    now: Callable[[], datetime]

    @property
    def templates(self) -> Environment:
        return _templates(self.options.zone)


@cache
def _templates(zone: ZoneInfo) -> Environment:
    """The templates, compiled once. A name that a template does not know is an error and never an empty place."""
    loader = FileSystemLoader(_TEMPLATES)
    made = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    made.filters.update(filters(zone))
    made.globals.update(levels=LEVELS, zone=zone.key)
    return made


@dataclass
class View:
    """One request: where it was asked, in which language, at which moment, and over which snapshot."""

    site: Site
    request: Request
    conn: Connection
    now: datetime

    @cached_property
    def language_asked(self) -> str | None:
        """None where the address does not say: the deployment's language."""
        asked = self.request.query_params.get("lang")
        return asked if asked in LANGUAGES and asked != self.site.options.language else None

    @property
    def words(self) -> Words:
        return words(self.language_asked or self.site.options.language)

    @property
    def zone(self) -> ZoneInfo:
        return self.site.options.zone

    @property
    def today(self) -> date:
        return periods.day_of(self.now, self.zone)

    @property
    def rules(self) -> Rules:
        return self.site.options.rules

    @property
    def patience(self) -> Patience:
        return Patience(self.rules["silent_enterprise"].options["after_intervals"], self.now)

    def page(self, template: str, **figures: Any) -> HTMLResponse:
        return _rendered(self.site, self.request, self.now, template, freshness=pages.freshness(self.conn), **figures)


def _view(request: Request) -> Iterator[View]:
    """A view over a snapshot; the connection goes back when the answer is made."""
    site: Site = request.app.state.site
    with site.pool.connection() as conn:
        pages.snapshot(conn)
        yield View(site, request, conn, site.now())


Asked = Annotated[View, Depends(_view)]


def trouble_page(request: Request, trouble: Trouble) -> HTMLResponse:
    """What went wrong as a page, without asking the database for anything."""
    site: Site = request.app.state.site
    language = _language(site, request)
    return _rendered(
        site,
        request,
        site.now(),
        "trouble.html",
        trouble.status,
        status=trouble.status,
        sentence=trouble.sentence(language),
        freshness=None,
    )


def _language(site: Site, request: Request) -> str:
    asked = request.query_params.get("lang", "")
    return asked if asked in LANGUAGES else site.options.language


def _rendered(
    site: Site, request: Request, now: datetime, template: str, status: int = 200, /, **figures: Any
) -> HTMLResponse:
    language = _language(site, request)
    asked = language if language != site.options.language else None
    other = next(one for one in LANGUAGES if one != language)
    text = site.templates.get_template(template).render(
        w=words(language),
        link=link_in(asked),
        language_asked=asked,
        here=request.url.path,
        now=now,
        other_language=str(request.url.include_query_params(lang=other).replace(scheme="", netloc="")),
        **figures,
    )
    return HTMLResponse(text, status)
