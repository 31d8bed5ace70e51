"""Profiles that a bank writes itself: stricter than the built-in ones, and in force at every request."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.stories.fapi import PROTOCOL, FapiClient, error_of, logged_in, with_attribute, with_fapi_clients
from tests.stories.settled import Home, opened
from tests.stories.world import Edit

pytestmark = pytest.mark.anyio


def with_own_profile(*executors: tuple[str, dict[str, Any]], attributes: dict[str, str] | None = None) -> Edit:
    """Put the clients under a profile of these executors, in a realm with these attributes."""
    written = [{"executor": name, "configuration": configuration} for name, configuration in executors]
    clients = with_fapi_clients("own", realm={"clientProfiles": {"profiles": [{"name": "own", "executors": written}]}})

    edit = clients
    for name, value in (attributes or {}).items():
        edit = with_attribute(edit, name, value)
    return edit


async def test_a_request_object_may_have_to_be_younger_than_an_hour(home: Home, tmp_path: Path) -> None:
    edit = with_own_profile(("secure-request-object", {"available-period": "300"}))
    async with opened(home, tmp_path, edit=edit) as town:
        client = FapiClient(town)
        assert (await client.push_signed(exp=client.now + 300)).status_code == 201
        for change in ({"exp": client.now + 301}, {"nbf": client.now - 301, "exp": client.now + 1}):
            assert error_of(await client.push_signed(**change)) == (400, "invalid_request_object")


async def test_a_request_object_may_have_to_be_encrypted(home: Home, tmp_path: Path) -> None:
    edit = with_own_profile(("secure-request-object", {"encryption-required": True}))
    async with opened(home, tmp_path, edit=edit) as town:
        assert error_of(await FapiClient(town).push_signed()) == (400, "invalid_request_object")


@pytest.mark.parametrize(("executors", "expires_in"), [((), 900), ((("secure-par-content", {}),), 599)])
async def test_a_reference_lives_under_ten_minutes_whatever_the_realm_says(
    home: Home, tmp_path: Path, executors: Any, expires_in: int
) -> None:
    edit = with_own_profile(*executors, attributes={"parRequestUriLifespan": "900"})
    async with opened(home, tmp_path, edit=edit) as town:
        assert (await FapiClient(town).push()).json()["expires_in"] == expires_in


async def test_the_code_may_have_to_be_bound_to_the_key_by_its_request(home: Home, tmp_path: Path) -> None:
    bound = {"auto-configure": True, "enforce-authorization-code-binding-to-dpop": True}
    async with opened(home, tmp_path, edit=with_own_profile(("dpop-bind-enforcer", bound))) as town:
        client = FapiClient(town)
        assert error_of(await client.push()) == (400, "invalid_request")
        assert (await client.push(dpop_jkt=client.key.thumbprint())).status_code == 201
        pushed = await client.post(
            "ext/par/request",
            {**client.parameters(), **client.assertion()},
            headers={"DPoP": client.proof(f"{PROTOCOL}/ext/par/request")},
        )
        code = (await logged_in(town, client.at(pushed))).answer["code"]
        assert (await client.redeem(code)).status_code == 200


async def test_a_client_may_be_rejected_altogether(home: Home, tmp_path: Path) -> None:
    async with opened(home, tmp_path, edit=with_own_profile(("reject-request", {}))) as town:
        assert error_of(await FapiClient(town).push()) == (401, "invalid_client")


async def test_a_policy_that_is_written_later_holds_from_the_next_start(home: Home, tmp_path: Path) -> None:
    async with opened(home, tmp_path, edit=with_own_profile()) as town:
        assert (await FapiClient(town).push(code_challenge=None, code_challenge_method=None)).status_code == 201
    async with opened(home, tmp_path, edit=with_own_profile(("pkce-enforcer", {"auto-configure": True}))) as town:
        refused = await FapiClient(town).push(code_challenge=None, code_challenge_method=None)
        assert error_of(refused) == (400, "invalid_request")
