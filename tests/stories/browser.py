"""A small browser over ASGI: cookies, redirects, forms. It runs no script and follows no other host."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from html.parser import HTMLParser
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx

from idp.web.http import Application


class Form:
    """A form of a page: where it posts to, and the values it has."""

    def __init__(self, action: str) -> None:
        self.action = action
        self.values: dict[str, str] = {}
        self.names: set[str] = set()


class Page(HTMLParser):
    """A page as a person has it before them."""

    def __init__(self, response: httpx.Response) -> None:
        super().__init__()
        self.status = response.status_code
        self.url = str(response.url)
        self.headers = response.headers
        self.html = response.text
        self.forms: dict[str, Form] = {}
        self.links: dict[str, str] = {}
        self.ids: set[str] = set()
        self.texts: dict[str, str] = {}
        self._form: Form | None = None
        self._open: list[tuple[str, str | None]] = []
        self.feed(self.html)

    @property
    def message(self) -> str:
        """What the page tells in its message."""
        return (
            self.texts.get("message") or self.texts.get("error-message") or self.texts.get("info-message", "")
        ).strip()

    def text(self, element_id: str) -> str:
        """The text of an element."""
        return self.texts[element_id].strip()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        element_id = given.get("id")
        if element_id:
            self.ids.add(element_id)
            self.texts.setdefault(element_id, "")
        if tag == "form":
            self._form = Form(given.get("action", ""))
            self.forms[element_id or f"form-{len(self.forms)}"] = self._form
        elif tag in {"input", "button", "select", "textarea"} and self._form is not None and "name" in given:
            self._form.names.add(given["name"])
            if tag == "input" and given.get("type") not in {"submit", "radio", "checkbox"}:
                self._form.values[given["name"]] = given.get("value", "")
        elif tag == "a" and element_id:
            self.links[element_id] = given.get("href", "")
        if tag not in {"input", "img", "meta", "link", "br", "hr", "path"}:
            self._open.append((tag, element_id))

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        for _, element_id in self._open:
            if element_id:
                self.texts[element_id] += data


class Browser:
    """One browser with its own cookies."""

    def __init__(
        self,
        application: Application,
        *,
        origin: str = "http://localhost:8080",
        language: str = "sq",
        address: str = "203.0.113.7",
    ) -> None:
        transport = httpx.ASGITransport(app=application, client=(address, 50000))
        self.http = httpx.AsyncClient(
            transport=transport, base_url=origin, headers={"accept-language": language}, follow_redirects=False
        )
        self.origin = origin
        self.page: Page | None = None
        self.arrived: str | None = None
        """The address outside the provider to which the browser was sent last."""
        self.posted: dict[str, str] | None = None
        """What the browser was made to post there, if it was not simply sent."""
        self.hops: list[httpx.Response] = []

    def tab(self) -> Browser:
        """Open another tab: another page, the same cookies."""
        tab = copy.copy(self)
        tab.page, tab.arrived, tab.posted, tab.hops = None, None, None, []
        return tab

    @property
    def shown(self) -> Page:
        """The present page; asking before there is one is the test's mistake."""
        assert self.page is not None
        return self.page

    async def open(self, url: str) -> Page:
        """Go to an address and follow where it leads, as far as the provider's own host."""
        return await self._follow(await self.http.get(url))

    async def submit(self, form_id: str, values: Mapping[str, str] | None = None, /, **more: str) -> Page:
        """Fill in and post a form of the present page; the names are checked to be its fields."""
        assert self.page is not None
        assert form_id in self.page.forms, f"no form {form_id}, but {list(self.page.forms)}: {self.page.message}"
        form = self.page.forms[form_id]
        filled = {**dict(values or {}), **more}
        assert set(filled) <= form.names, f"{form_id} has no fields {set(filled) - form.names}"
        return await self.post(form.action, {**form.values, **filled})

    async def post(self, url: str, values: Mapping[str, str]) -> Page:
        """Post anything anywhere."""
        return await self._follow(await self.http.post(url, data=dict(values)))

    async def press(self, name: str) -> Page:
        """Press the button of that name, whichever form it is in."""
        assert self.page is not None
        form = next(form_id for form_id, form in self.page.forms.items() if name in form.names)
        return await self.submit(form, {name: "1"})

    async def reload(self) -> Page:
        """Ask for the present login's page again by GET, as a reload after a redirect does."""
        assert self.page is not None
        return await self.open(self.page.url)

    @property
    def has_left(self) -> bool:
        """Whether the browser was sent to another host."""
        return self.arrived is not None

    @property
    def sid(self) -> str:
        """The session that the browser's cookie names."""
        cookie = next(value for name, value in self.http.cookies.items() if "_session_" in name)
        return cookie.partition(".")[0]

    @property
    def answer(self) -> dict[str, str]:
        """The parameters that the client was sent."""
        assert self.arrived is not None
        if self.posted is not None:
            return self.posted
        parts = urlsplit(self.arrived)
        return {name: values[0] for name, values in parse_qs(parts.query or parts.fragment).items()}

    async def _follow(self, response: httpx.Response) -> Page:
        self.arrived, self.posted = None, None
        self.hops = [response]
        for _ in range(10):
            if not response.is_redirect:
                break
            url = urljoin(str(response.url), response.headers["location"])
            if not url.startswith(self.origin + "/"):
                self.arrived = url
                break
            response = await self.http.get(url)
            self.hops.append(response)
        self.page = Page(response)
        form = self.page.forms.get("form-post")
        if form is not None:  # without scripts the person presses the button, which has no name of its own
            self.arrived, self.posted = form.action, form.values
        return self.page
