"""The clients that `scripts/exam.py` puts into the realm for the plans with `static_client`."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from tests.exam.openid.examiner import Examiner

CONFIGURATIONS = ("openid", "openid-backchannel", "openid-frontchannel")


def redeemed(examiner: Examiner, client: dict[str, Any], person: Any, *, by_post: bool) -> dict[str, Any]:
    """Log in at the client and return what its code is worth."""
    callback = "https://suite.example/test/a/hyrja/callback"
    asked = {"client_id": client["client_id"], "redirect_uri": callback, "response_type": "code", "scope": "openid"}
    person.visit(f"{examiner.metadata['authorization_endpoint']}?{urlencode(asked)}")
    person.goes_on()
    code = dict(parse_qsl(urlsplit(person.arrived or "").query))["code"]
    grant = {"grant_type": "authorization_code", "code": code, "redirect_uri": callback}
    proof: Any = {"data": {**grant, **client}} if by_post else {"data": grant, "auth": tuple(client.values())}
    tokens: dict[str, Any] = examiner.http.post(examiner.metadata["token_endpoint"], **proof).json()
    return tokens


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_every_client_of_a_configuration_logs_in_and_out(examiner: Examiner, name: str) -> None:
    configuration = examiner.provider.exam.configurations[name]
    person = examiner.person()
    every: list[dict[str, Any]] = []
    for place in ("client_secret_post", "client2", "client"):
        tokens = redeemed(examiner, configuration[place], person, by_post=place == "client_secret_post")
        bearer = {"authorization": f"Bearer {tokens['access_token']}"}
        # Nothing of the person without being asked for: the suite looks for claims that it did not request.
        assert examiner.http.get(examiner.metadata["userinfo_endpoint"], headers=bearer).json().keys() == {"sub"}
        every.append(tokens)
    back = "https://suite.example/test/a/hyrja/post_logout_redirect"
    asked = {"id_token_hint": every[-1]["id_token"], "post_logout_redirect_uri": back}
    person.visit(f"{examiner.metadata['end_session_endpoint']}?{urlencode(asked)}")
    assert (person.arrived == back) is (name != "openid-frontchannel")  # frames come first there


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_a_client_is_told_of_a_logout_by_one_channel_at_most(examiner: Examiner, name: str) -> None:
    # A module of the suite fails by a call that it did not expect.
    mine = [client for client in examiner.provider.exam.clients if client["clientId"] in {f"{name}-1", f"{name}-2"}]
    addresses = {key for client in mine for key in client["attributes"] if key.endswith("channel.logout.url")}
    assert addresses == ({f"{name.partition('-')[2]}.logout.url"} if "-" in name else set())
