"""Whether an existing session may answer a request: a pure function, each of its rules alone (Core §3.1.2.3).

What it is worth then is the flow's affair: `tests/flows/strength/test_carried.py`.
"""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.flows.compiler import CompiledFlow
from idp.flows.strength.levels import requested_level
from idp.flows.tree import Execution, Subflow
from idp.model.flow import Requirement
from idp.model.oauth import AuthorizationRequest
from idp.model.realm import Realm
from idp.model.session import UserSession
from idp.oidc.authorization.single_sign_on import answers

NOW = 1_000_000
REALM = Realm(name="bank", version="1", acr_levels={"pwd": 1, "mfa-otp": 2})
COOKIE = Execution(id="cookie", authenticator="auth-cookie", requirement=Requirement.ALTERNATIVE)
FORMS = Execution(id="forms", authenticator="auth-username-password-form", requirement=Requirement.ALTERNATIVE)


def flow(*children: Execution, alias: str = "login") -> CompiledFlow:
    root = Subflow(id="root", alias=alias, requirement=Requirement.REQUIRED, children=children)
    return CompiledFlow(alias=alias, root=root)


FLOW = flow(COOKIE, FORMS)
REQUEST = AuthorizationRequest(client_id="app", redirect_uri="https://app/", response_mode="query", scope=("openid",))
SESSION = UserSession(
    sid="s",
    secret_digest="d",
    user_id="arta",
    transaction_id="t",
    flow="login",
    realm_version="1",
    started_at=NOW - 600,
    last_seen_at=NOW,
    auth_time=NOW - 600,
    evidence=(),
    level=2,
)


def may(session: UserSession = SESSION, by: CompiledFlow = FLOW, **request: object) -> bool:
    asked = msgspec.structs.replace(REQUEST, **request)
    return answers(asked, session, flow=by, subject="known to the client")


def test_a_session_answers_a_plain_request() -> None:
    assert may()


def test_a_flow_without_an_enabled_cookie_step_is_always_run() -> None:
    disabled = msgspec.structs.replace(COOKIE, requirement=Requirement.DISABLED)
    assert not may(by=flow(FORMS))
    assert not may(by=flow(disabled, FORMS))


@pytest.mark.parametrize(
    ("prompt", "answered"),
    [((), True), (("none",), True), (("consent",), True), (("login",), False), (("select_account",), False)],
)
def test_the_request_may_demand_that_the_person_is_asked(prompt: tuple[str, ...], answered: bool) -> None:  # noqa: FBT001 - a table
    assert may(prompt=prompt) is answered
    assert may(prompt=(*prompt, "login")) is False


def test_a_session_answers_only_for_the_user_who_was_asked_about() -> None:
    assert may(hinted_user_id="arta")
    assert not may(hinted_user_id="besnik")
    assert may(hinted_subject="known to the client")
    assert not may(hinted_subject="arta"), "of a client with pairwise subjects"


@given(st.lists(st.sampled_from(["pwd", "mfa-otp", "unknown", "0", "1", "2", "3", "22", "²", ""]), max_size=6))
def test_a_value_that_nobody_knows_changes_nothing_beside_others(acr_values: list[str]) -> None:
    known = [acr for acr in acr_values if acr in {"pwd", "mfa-otp", "0", "1", "2", "3"}]
    assert requested_level(REALM, acr_values) == requested_level(REALM, known)
