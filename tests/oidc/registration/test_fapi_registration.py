"""FAPI 2.0 at a registration: what the profile forbids is not registered, what it can set is set and told."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from idp.crypto.signing_keys import SigningKey, SigningKeys
from idp.model.clients.policy import ClientPolicy, PolicyPart
from idp.realms.policies.built_in import BUILT_IN_PROFILES
from idp.realms.representation import realm as file
from tests.fakes import FakeClock
from tests.oidc.harness import PATH as PROTOCOL
from tests.oidc.harness import Bank, signing_keys
from tests.oidc.registration.registering import (
    METADATA,
    REDIRECT,
    Members,
    initial_token,
    manage,
    refusal,
    registered,
    registrar,
    send,
)
from tests.oidc.signers import JWKS, KEYS, asserting, claims, signed

pytestmark = pytest.mark.anyio

ANY = PolicyPart(name="any-client")
PUBLIC_JWKS = json.loads(JWKS)
GOOD: Members = {"token_endpoint_auth_method": "private_key_jwt", "jwks": PUBLIC_JWKS}


def policy(*profiles: str, condition: PolicyPart = ANY) -> ClientPolicy:
    executors = tuple(part for name in profiles for part in BUILT_IN_PROFILES[name])
    return ClientPolicy(name="the policy", conditions=(condition,), executors=executors)


async def bank_with(clock: FakeClock, *profiles: str, condition: PolicyPart = ANY) -> Bank:
    bank = await registrar(clock, client_policies=(policy(*profiles, condition=condition),))
    # With the key that a realm has for its policy (see `idp.model.policies.keys`).
    usual = [signing_keys().signer(algorithm) for algorithm in ("ES256", "RS256")]
    key = SigningKey("PS256", KEYS["PS256"].private_key, created_at=1)
    bank.provider.keys = SigningKeys([*usual, key], refresh_key=b"r" * 32, code_key=b"c" * 32)
    return bank


FAPI_2 = "fapi-2-dpop-security-profile"
FORBIDDEN: list[tuple[str, Members, tuple[int, str]]] = [
    ("client_secret_basic", {"token_endpoint_auth_method": "client_secret_basic", "jwks": None}, METADATA),
    ("client_secret_jwt", {"token_endpoint_auth_method": "client_secret_jwt", "jwks": None}, METADATA),
    ("a public client", {"token_endpoint_auth_method": "none", "jwks": None}, METADATA),
    ("assertions by RS256", {"token_endpoint_auth_signing_alg": "RS256"}, METADATA),
    ("ID tokens by RS256", {"id_token_signed_response_alg": "RS256"}, METADATA),
    ("request objects by RS256", {"request_object_signing_alg": "RS256"}, METADATA),
    ("UserInfo by RS256", {"userinfo_signed_response_alg": "RS256"}, METADATA),
    (
        "a native application",
        {"application_type": "native", "redirect_uris": ["http://127.0.0.1/callback"]},
        REDIRECT,
    ),
]


@pytest.mark.parametrize(("members", "error"), [case[1:] for case in FORBIDDEN], ids=[case[0] for case in FORBIDDEN])
async def test_what_fapi_2_forbids_is_not_registered(
    clock: FakeClock, members: Members, error: tuple[int, str]
) -> None:
    bank = await bank_with(clock, FAPI_2)
    assert refusal(await send(bank, **{**GOOD, **members})) == error
    assert not bank.realm.registered


async def test_what_the_profile_can_set_is_set_and_told(clock: FakeClock) -> None:
    bank = await bank_with(clock, FAPI_2)
    answer = await registered(bank, **GOOD)
    wanted = {
        "require_pushed_authorization_requests": True,
        "dpop_bound_access_tokens": True,
        "id_token_signed_response_alg": "PS256",
    }
    assert answer == answer | wanted
    client = bank.provider.client(answer["client_id"])
    assert client is not None
    assert (client.pkce_required, client.pushed_requests_required, client.sender.dpop_bound) == (True, True, True)
    assert (client.consent_required, client.full_scope_allowed) == (True, False)
    assert client.rules.policies == ("the policy",)
    assert client.rules.longest_code == 60


async def test_a_registered_fapi_client_is_held_to_its_profile_at_run_time(clock: FakeClock) -> None:
    bank = await bank_with(clock, FAPI_2)
    answer = await registered(bank, **GOOD)
    for algorithm, expected in (("RS256", "invalid_client"), ("ES256", "invalid_request")):
        assertion = signed(claims(bank, answer["client_id"]), algorithm)
        form = {**asserting(assertion), "response_type": "code", "redirect_uri": answer["redirect_uris"][0]}
        del form["grant_type"]
        reply = await bank.http.post(f"{PROTOCOL}ext/par/request", data=form)
        assert reply.json()["error"] == expected, "RS256 proves nobody; the other lacks its code_challenge"


async def test_an_update_cannot_leave_the_profile(clock: FakeClock) -> None:
    bank = await bank_with(clock, FAPI_2)
    client = await registered(bank, **GOOD)
    told = {"registration_access_token", "registration_client_uri", "client_id_issued_at", "client_secret_expires_at"}
    kept: dict[str, Any] = {name: value for name, value in client.items() if name not in told}
    reply = await manage(bank, "PUT", client, json={**kept, "dpop_bound_access_tokens": False})
    assert reply.status_code == 200, reply.text
    assert reply.json()["dpop_bound_access_tokens"] is True
    client["registration_access_token"] = reply.json()["registration_access_token"]
    weaker = {**kept, "token_endpoint_auth_method": "client_secret_basic"}
    assert refusal(await manage(bank, "PUT", client, json=weaker)) == METADATA


async def test_a_policy_about_strangers_leaves_those_with_an_initial_token_alone(clock: FakeClock) -> None:
    strangers = PolicyPart(name="client-updater-context", configuration={"update-client-source": ["ByAnonymous"]})
    bank = await bank_with(clock, FAPI_2, condition=strangers)
    assert refusal(await send(bank)) == METADATA
    await registered(bank, await initial_token(bank))


async def test_a_client_that_a_later_policy_forbids_is_served_no_more(clock: FakeClock) -> None:
    bank = await registrar(clock)
    # Left alone, a client registers for ID tokens by RS256, which FAPI 2.0 forbids too.
    weak, strong = await registered(bank, **GOOD), await registered(bank, **GOOD, id_token_signed_response_alg="ES256")
    before = bank.realm
    bank.realm = msgspec.structs.replace(before, client_policies=(policy(FAPI_2),))
    told = await bank.provider.registrations.open(file.Realm(realm="bank"), bank.realm)
    assert told == (weak["client_id"],)
    assert bank.provider.client(weak["client_id"]) is None
    client = bank.provider.client(strong["client_id"])
    assert client is not None
    assert client.rules.policies == ("the policy",)
    assert client.pushed_requests_required
    bank.realm = before
    assert await bank.provider.registrations.open(file.Realm(realm="bank"), before) == ()
    assert bank.provider.client(weak["client_id"]) is not None


async def test_without_a_policy_anything_that_is_well_formed_is_registered(clock: FakeClock) -> None:
    bank = await registrar(clock)
    await registered(bank)
    await registered(bank, **{**GOOD, "id_token_signed_response_alg": "RS256"})
