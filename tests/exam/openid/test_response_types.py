"""The Implicit, Hybrid and Form Post plans, in the modules that differ by response type and mode."""

from __future__ import annotations

import json
from itertools import product
from typing import Any

import pytest

from tests.exam.openid.examiner import Examiner
from tests.exam.openid.relying_party import RelyingParty
from tests.exam.openid.test_basic import CLAIMS

TYPES = ("code", "id_token", "id_token token", "code id_token", "code token", "code id_token token")
VARIANTS = [(kind, mode) for kind, mode in product(TYPES, ("", "form_post")) if (kind, mode) != ("code", "")]


@pytest.fixture(params=VARIANTS, ids=lambda variant: " ".join(filter(None, variant)))
def party(examiner: Examiner, request: pytest.FixtureRequest) -> RelyingParty:
    kind, mode = request.param
    return RelyingParty(examiner, kind, mode, method="client_secret_post")


def test_server(party: RelyingParty) -> None:
    party.log_in().finished()


def test_response_type_missing(party: RelyingParty) -> None:
    # Nobody has said what is asked for, so the answer travels as a code would.
    error = party.request(response_type=None).refused(party.examiner.person(), mode=party.response_mode or "query")
    assert error in {"invalid_request", "unsupported_response_type"}


def test_request_without_nonce(party: RelyingParty) -> None:
    if "id_token" in party.words:  # Core §3.2.2.1, §3.3.2.11
        assert party.request(nonce=None).refused(party.examiner.person()) == "invalid_request"
    else:
        party.log_in(nonce=None).finished()


def test_scope_email(party: RelyingParty) -> None:
    tokens = party.log_in(scope="openid email").finished()
    if "access_token" in tokens:
        assert party.user_info(tokens["access_token"]).keys() == CLAIMS["email"] | {"sub"}
    else:  # Core §5.4: there is nothing to ask UserInfo with
        assert CLAIMS["email"] <= tokens["claims"].keys()


def test_claims_essential(party: RelyingParty) -> None:
    place = "id_token" if party.words == ["id_token"] else "userinfo"
    tokens = party.log_in(claims=json.dumps({place: {"name": {"essential": True}}})).finished()
    said: dict[str, Any] = tokens["claims"] if place == "id_token" else party.user_info(tokens["access_token"])
    assert said["name"]


def test_prompt_none_and_a_hint(party: RelyingParty) -> None:
    assert party.request(prompt="none").refused(party.examiner.person()) in {"login_required", "interaction_required"}
    first = party.log_in()
    before = first.finished()
    hint = before["id_token"]
    after = party.log_in(first.person, prompt="none", id_token_hint=hint).finished()
    assert first.person.logins == 1
    for name in ("sub", "auth_time"):
        assert before["claims"][name] == after["claims"][name]


@pytest.mark.parametrize("kind", [kind for kind in TYPES[1:] if "code" in kind.split()])
def test_codereuse(examiner: Examiner, kind: str) -> None:
    party = RelyingParty(examiner, kind)
    answer = party.log_in()
    answer.finished()
    reply = party.token(**answer.grant())
    assert (reply.status_code, reply.json()["error"]) == (400, "invalid_grant")
