"""The logout plans: RP-initiated, back-channel, front-channel, session management."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import time
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from tests.exam.openid.examiner import Examiner
from tests.exam.openid.person import Person
from tests.exam.openid.relying_party import Answered, Key, RelyingParty

STATE = "aZ09!\"#$%&'()*,-./:<=>?@[]^_`{|}~" + "\\"
_EVENT = "http://schemas.openid.net/event/backchannel-logout"


class LoggingOut:
    """A client with a user who is logged in there, and about to log out."""

    def __init__(self, examiner: Examiner, **members: Any) -> None:
        self.back = f"{examiner.suite.origin}/test/a/hyrja/post_logout_redirect"
        self.party = RelyingParty(examiner, post_logout_redirect_uris=[self.back], **members)
        self.answer: Answered = self.party.log_in()
        self.tokens = self.answer.finished()
        self.person: Person = self.answer.person
        self.request: dict[str, str] = {
            "id_token_hint": self.tokens["id_token"],
            "post_logout_redirect_uri": self.back,
            "state": STATE,
        }

    def sent(self, *left_out: str, **changed: str) -> Person:
        """Send the user to the end of the session."""
        given = {name: value for name, value in {**self.request, **changed}.items() if name not in left_out}
        address = self.party.examiner.metadata["end_session_endpoint"]
        self.person.visit(f"{address}?{urlencode(given)}" if given else address)
        return self.person

    def is_over(self) -> bool:
        """Tell whether nobody is logged in any more: nobody is without asking."""
        self.party.request(prompt="none").begun(self.person)
        return self.person.answer(mode="query").get("error") in {"login_required", "interaction_required"}


@pytest.fixture
def leaving(examiner: Examiner) -> LoggingOut:
    return LoggingOut(examiner)


def test_rp_initiated_logout(leaving: LoggingOut) -> None:
    assert leaving.sent().arrived == f"{leaving.back}?{urlencode({'state': STATE})}"
    assert leaving.is_over()


def test_no_state(leaving: LoggingOut) -> None:
    assert leaving.sent("state").arrived == leaving.back
    assert leaving.is_over()


@pytest.mark.parametrize("ending", ["/other", "?foo=bar"], ids=["bad-post-logout-redirect-uri", "query-added"])
def test_an_address_that_is_not_registered(leaving: LoggingOut, ending: str) -> None:
    page = leaving.sent(post_logout_redirect_uri=leaving.back + ending).shown
    assert page.status == 400
    assert "post_logout_redirect_uri" in page.text("error-message")


@pytest.mark.parametrize("how", ["modified", "bad"])
def test_a_hint_that_is_not_ours(leaving: LoggingOut, how: str) -> None:
    header, body, signature = leaving.tokens["id_token"].split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    altered = base64.urlsafe_b64encode(json.dumps({**claims, "sub": "somebody"}).encode()).rstrip(b"=").decode()
    hint = f"{header}.{altered}.{signature}" if how == "modified" else Key().signs(claims)
    page = leaving.sent(id_token_hint=hint).shown
    assert page.status == 400
    assert "id_token_hint" in page.text("error-message")
    assert not leaving.is_over()


def test_no_id_token_hint(leaving: LoggingOut) -> None:
    assert {"error-message", "logout-confirm"} & leaving.sent("id_token_hint").shown.ids


@pytest.mark.parametrize(
    "left_out",
    [
        pytest.param(("id_token_hint", "post_logout_redirect_uri", "state"), id="no-params"),
        pytest.param(("id_token_hint", "post_logout_redirect_uri"), id="only-state"),
        pytest.param(("post_logout_redirect_uri",), id="no-post-logout-redirect-uri"),
    ],
)
def test_a_logged_out_page(leaving: LoggingOut, left_out: tuple[str, ...]) -> None:
    page = leaving.sent(*left_out).shown
    if "logout-confirm" in page.forms:
        leaving.person.submit("logout-confirm", confirmLogout="1")
    assert "info-message" in leaving.person.shown.ids
    assert leaving.is_over()


def test_end_session_by_post(leaving: LoggingOut) -> None:
    leaving.person.send(leaving.party.examiner.metadata["end_session_endpoint"], leaving.request)
    assert leaving.person.arrived == f"{leaving.back}?{urlencode({'state': STATE})}"
    assert leaving.is_over()


def test_backchannel_rp_initiated_logout(examiner: Examiner) -> None:
    path = f"/backchannel_logout/{secrets.token_hex(8)}"
    address = examiner.suite.origin + path
    leaving = LoggingOut(examiner, backchannel_logout_uri=address, backchannel_logout_session_required=True)
    assert leaving.sent().arrived == f"{leaving.back}?{urlencode({'state': STATE})}"
    posted = [one for one in examiner.suite.posted if one[0] == path]
    assert len(posted) == 1  # before the browser goes on
    _, content_type, form = posted[0]
    assert content_type.partition(";")[0] == "application/x-www-form-urlencoded"
    assert form.keys() == {"logout_token"}
    token = jwt.decode(form["logout_token"], KeySet.import_key_set(examiner.jwks()), algorithms=["RS256"])
    said = token.claims
    assert token.header["typ"] == "logout+jwt"
    assert (said["iss"], said["aud"]) == (examiner.issuer, leaving.party.id)
    assert abs(said["iat"] - time.time()) < 60  # noqa: TID251 - the provider is another process
    assert (said["sub"], said["sid"]) == tuple(leaving.tokens["claims"][name] for name in ("sub", "sid"))
    assert said["events"] == {_EVENT: {}}
    assert said["jti"]
    assert "nonce" not in said
    assert leaving.is_over()


def test_frontchannel_rp_initiated_logout(examiner: Examiner) -> None:
    address = f"{examiner.suite.origin}/test/a/hyrja/frontchannel_logout"
    leaving = LoggingOut(examiner, frontchannel_logout_uri=address, frontchannel_logout_session_required=True)
    page = leaving.sent().shown
    (frame,) = [line.partition('src="')[2].partition('"')[0] for line in page.html.splitlines() if "<iframe" in line]
    frame = frame.replace("&amp;", "&")
    assert frame.partition("?")[0] == address
    told = parse_qs(urlsplit(frame).query)
    assert told == {"iss": [examiner.issuer], "sid": [leaving.tokens["claims"]["sid"]]}
    assert examiner.suite.origin in page.headers["content-security-policy"].partition("frame-src")[2].partition(";")[0]
    assert 'http-equiv="refresh"' in page.html
    assert leaving.back in page.html
    assert leaving.is_over()


def test_session_management(leaving: LoggingOut) -> None:
    examiner = leaving.party.examiner
    page = examiner.http.get(examiner.metadata["check_session_iframe"])
    assert page.status_code == 200
    assert page.headers["content-type"].partition(";")[0] == "text/html"
    assert "x-frame-options" not in page.headers  # it lives in a frame of the application
    state, _, salt = leaving.answer.answer["session_state"].partition(".")
    origin = examiner.suite.origin
    cookies = [value for name, value in leaving.person.http.cookies.items() if "state" in name.lower()]
    hashes = [f"{leaving.party.id} {origin} {cookie} {salt}" for cookie in cookies]
    known = [base64.urlsafe_b64encode(hashlib.sha256(one.encode()).digest()).rstrip(b"=").decode() for one in hashes]
    assert state in known  # Session Management §3.2: the application's frame is told "unchanged"
    leaving.sent()
    left = [value for name, value in leaving.person.http.cookies.items() if "state" in name.lower()]
    assert left != cookies
