"""Whatever is in an answer, the client reads what was meant, in every mode; and a page of ours holds it as text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import get_args
from urllib.parse import parse_qsl, urlsplit

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import KeySet

from idp.model.oauth import ResponseMode
from idp.oidc.authorization.answer import Answer, FormPost, answered
from idp.oidc.authorization.target import Target
from tests.fakes import FakeClock
from tests.oidc.harness import BASE, CLIENTS, REDIRECT, Bank, signing_keys
from tests.web.samples import Document, rendered

ISSUER = f"{BASE}/realms/bank"
BANK = Bank(FakeClock())
TEXTS = st.text(st.characters(blacklist_categories=["Cs"]), max_size=40)
NAMES = st.sampled_from(["code", "error", "error_description", "session_state", "access_token", "id_token"])


def sent(mode: ResponseMode, parameters: Mapping[str, str], *, state: str | None, address: str = REDIRECT) -> Answer:
    target = Target(redirect_uri=address, response_mode=mode, state=state, issuer=ISSUER)

    async def answer() -> Answer:
        return await answered(BANK.provider, CLIENTS["app"], target, parameters)

    return anyio.run(answer)


def received(answer: Answer, address: str) -> dict[str, str]:
    """Read an answer as the client does, where the mode puts it and nowhere else."""
    if isinstance(answer, FormPost):
        assert answer.action == address
        return answer.fields
    assert answer.url.isascii()
    assert answer.url.startswith(address)
    parts, own = urlsplit(answer.url), dict(parse_qsl(urlsplit(address).query))
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    assert own.items() <= query.items(), "the address keeps its own parameters"
    found = {name: value for name, value in query.items() if name not in own}
    assert not (found and parts.fragment)
    return found or dict(parse_qsl(parts.fragment, keep_blank_values=True))


@given(
    st.sampled_from(get_args(ResponseMode)),
    st.dictionaries(NAMES, TEXTS),
    st.one_of(st.none(), TEXTS),
    st.sampled_from([REDIRECT, f"{REDIRECT}?own=1"]),
)
def test_what_was_meant_arrives_whole_and_nothing_beside_it(
    mode: ResponseMode, parameters: dict[str, str], state: str | None, address: str
) -> None:
    meant = {**parameters, "iss": ISSUER} | ({"state": state} if state is not None else {})
    found = received(sent(mode, parameters, state=state, address=address), address)
    if mode.endswith(".jwt"):
        assert set(found) == {"response"}
        keys = KeySet.import_key_set(json.loads(signing_keys().jwks()))
        claims = jwt.decode(found["response"], keys, algorithms=["ES256"]).claims
        assert {name: claims.pop(name) for name in ("aud", "exp", "iat")}["aud"] == "app"
        found = claims
    assert found == meant


@given(TEXTS)
def test_a_posted_answer_is_text_in_the_page_and_cannot_leave_its_field(state: str) -> None:
    page = Document(rendered("form post", action=REDIRECT, hidden={"state": state}))
    (form,) = [one for one in page.all("form") if one.attributes["id"] == "form-post"]
    assert form.attributes["action"] == REDIRECT
    (field,) = [one for one in page.all("input") if one.attributes["type"] == "hidden"][-1:]
    assert set(field.attributes) == {"type", "name", "value"}
    if state.isprintable():  # a browser may read control characters otherwise, as text all the same
        assert field.attributes["value"] == state


@pytest.mark.parametrize("mode", get_args(ResponseMode))
def test_every_answer_names_its_issuer(mode: ResponseMode) -> None:
    found = received(sent(mode, {"error": "access_denied"}, state=None), REDIRECT)
    if not mode.endswith(".jwt"):
        assert found == {"error": "access_denied", "iss": ISSUER}
