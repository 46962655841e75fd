"""What every page stands on: options, templates, one read-only moment of the database, and how trouble is told."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from alerts.rules import Rules, shipped
from energy import periods
from energy.periods import DEFAULT_ZONE
from fastapi import Depends, Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from psycopg import Connection
from psycopg_pool import ConnectionPool
from storage import pages

from console.overview import LEVELS, Patience
from console.shown import filters, link_in
from console.words import LANGUAGES, Words, words

_TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True)
class Options:
    """What an operator can set. hosts: names under which the console may be asked for, against DNS rebinding.

    rules: the alert rules, whose patience with silence and pace of forecasts the pages share.
    """

    zone: ZoneInfo = DEFAULT_ZONE
    language: str = LANGUAGES[0]
    hosts: tuple[str, ...] = ("127.0.0.1", "localhost")
    rules: Rules = field(default_factory=shipped)


class Trouble(Exception):
    """A request cannot be answered: status and the word of the catalogue that says why, about `what`."""

    def __init__(self, status: int, word: str, what: object = "") -> None:
        super().__init__(word)
        self.status, self.word, self.what = status, word, what

    def sentence(self, language: str) -> str:
        return str(getattr(words(language), self.word)).format(self.what)


@dataclass
class Site:
    pool: ConnectionPool[Connection]
    options: Options
    now: Callable[[], datetime]
    templates: Environment = field(init=False)

    def __post_init__(self) -> None:
        loader = FileSystemLoader(_TEMPLATES)
        self.templates = Environment(
            loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
        )
        self.templates.filters.update(filters(self.options.zone))
        self.templates.globals.update(levels=LEVELS, zone=self.options.zone.key)


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
    return _rendered(site, request, site.now(), "trouble.html", trouble.status, status=trouble.status,
                     sentence=trouble.sentence(language), freshness=None)


def _language(site: Site, request: Request) -> str:
    asked = request.query_params.get("lang", "")
    return asked if asked in LANGUAGES else site.options.language


def _rendered(site: Site, request: Request, now: datetime, template: str, status: int = 200, /, **figures: Any
              ) -> HTMLResponse:
    language = _language(site, request)
    asked = language if language != site.options.language else None
    other = next(one for one in LANGUAGES if one != language)
    text = site.templates.get_template(template).render(
        w=words(language), link=link_in(asked), language_asked=asked, here=request.url.path, now=now,
        other_language=str(request.url.include_query_params(lang=other).replace(scheme="", netloc="")), **figures)
    return HTMLResponse(text, status)
