"""Pages: a template, a language, and what the page shows."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import formats
import texts
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse

if TYPE_CHECKING:
    from settings import Settings
    from starlette.requests import Request
    from starlette.responses import Response

NOTICES = frozenset({"logged-out", "login-needed", "refreshed"})
"""What may stand in `?notice=`: a name of a text, never a text."""

_YEAR = 365 * 24 * 3600


class Pages:
    """Renders the bank's pages in the visitor's language."""

    def __init__(self, settings: Settings) -> None:
        self._https = settings.https
        self._cookie = language_cookie(settings.port)
        self._templates = Environment(
            loader=FileSystemLoader(Path(__file__).parent / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.globals.update(money=formats.money, iban=formats.iban, languages=texts.LANGUAGES)

    def show(self, request: Request, template: str, *, status: int = 200, **values: object) -> Response:
        """Render a template; a language chosen by `?lang=` is remembered."""
        chosen = language(request)
        notice = request.query_params.get("notice")
        values = {
            "here": request.url.path,
            "segment": None,
            "customer": None,
            "current": None,
            "notice": notice if notice in NOTICES else None,
        } | values
        html = self._templates.get_template(template).render(
            values,
            language=chosen,
            t=partial(texts.say, chosen),
            knows=partial(texts.knows, chosen),
            day=partial(formats.day, language=chosen),
            moment=partial(formats.moment, language=chosen),
            claim=partial(formats.claim, language=chosen),
        )
        response = HTMLResponse(html, status)
        if request.query_params.get("lang") == chosen:
            response.set_cookie(self._cookie, chosen, max_age=_YEAR, httponly=True, samesite="lax", secure=self._https)
        return response

    def problem(self, request: Request, kind: str, *, status: int, again: str) -> Response:
        """A friendly page about something that went wrong; `again` is the way on, a path of the bank."""
        return self.show(request, "problem.html", status=status, kind=kind, again=again, here="/")


def language(request: Request) -> str:
    """The language of this visitor: `?lang=`, else what he chose before, else Albanian.

    Not `Accept-Language`: the bank's customers read Albanian, whatever language their browser came in.
    """
    remembered = (value for name, value in request.cookies.items() if name == request.app.state.language_cookie)
    for wish in (request.query_params.get("lang"), *remembered):
        if wish in texts.LANGUAGES:
            return str(wish)
    return texts.DEFAULT


def language_cookie(port: int) -> str:
    """The cookie's name; with the port, because browsers share cookies between the ports of one host."""
    return f"bank-language-{port}"
