"""A customer's browser over real TLS, without scripts: cookies, redirects, forms."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urljoin, urlsplit

import httpx

from tests.peers.provider import PASSWORD
from tests.stories.browser import Page


class Person:
    """Alice, with one browser."""

    def __init__(self, origin: str, connections: httpx.BaseTransport) -> None:
        self.http = httpx.Client(transport=connections, follow_redirects=False, headers={"accept-language": "en"})
        self.origin = origin
        self.page: Page | None = None
        self.arrived: str | None = None
        """The address outside of the provider that the browser was sent to."""
        self.body: dict[str, str] | None = None
        """What it was made to post there."""
        self.logins = 0
        """How often a name and a password were typed."""

    def visit(self, url: str) -> None:
        """Open an address, as a link or a redirect does, and follow where it leads."""
        self._follow(self.http.get(url))

    def send(self, url: str, fields: dict[str, str]) -> None:
        """Post a form of the examiner's own site, as its page would."""
        site = {"origin": "https://suite.example", "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
        self._follow(self.http.post(url, data=fields, headers=site))

    @property
    def shown(self) -> Page:
        """The page before her."""
        assert self.arrived is None, f"the browser left for {self.arrived}"
        assert self.page is not None
        return self.page

    @property
    def has_login_page(self) -> bool:
        """Whether she is asked for her password, and for her name where no session has named her."""
        return self.arrived is None and self.page is not None and "kc-form-login" in self.page.forms

    def goes_on(self) -> None:
        """Answer every page, until the browser leaves or nothing is asked."""
        for _ in range(6):
            if self.arrived is not None or self.page is None:
                return
            if "kc-form-login" in self.page.forms:
                self.logins += 1
                typed = {"username": "alice", "password": PASSWORD}
                asked = self.page.forms["kc-form-login"].names  # the password alone, where a session has named her
                self.submit("kc-form-login", **{name: text for name, text in typed.items() if name in asked})
            elif "consent-allow" in self.page.ids:
                self.submit("kc-oauth", accept="1")
            else:
                return

    def submit(self, form_id: str, **filled: str) -> None:
        """Fill in and send a form of the page."""
        page = self.shown
        form = page.forms[form_id]
        assert set(filled) <= form.names, f"{form_id} has no fields {set(filled) - form.names}"
        here = {"origin": self.origin, "sec-fetch-site": "same-origin"}
        address = urljoin(page.url, form.action)
        self._follow(self.http.post(address, data={**form.values, **filled}, headers=here))

    def answer(self, *, mode: str) -> dict[str, str]:
        """Return what the client is answered, after checking that it travelled as it should."""
        assert self.arrived is not None, f"no answer, but a page: {self.page and self.page.message}"
        parts = urlsplit(self.arrived)
        if mode == "form_post":
            assert self.body is not None, f"a redirect instead of a form: {self.arrived}"
            return self.body
        assert self.body is None, "a form instead of a redirect"
        text, other = (parts.query, parts.fragment) if mode == "query" else (parts.fragment, "")
        assert not other, f"something stands in the fragment of {self.arrived}"
        pairs = parse_qsl(text, keep_blank_values=True, strict_parsing=True)
        assert len(dict(pairs)) == len(pairs), "a parameter is repeated"
        return dict(pairs)

    def _follow(self, response: httpx.Response) -> None:
        self.arrived, self.body = None, None
        for _ in range(10):
            if not response.has_redirect_location:
                break
            url = urljoin(str(response.url), response.headers["location"])
            if not url.startswith(self.origin + "/"):
                self.arrived = url
                return
            response = self.http.get(url)
        self.page = Page(response)
        form: Any = self.page.forms.get("form-post")
        if form is not None:
            self.arrived, self.body = form.action, form.values
