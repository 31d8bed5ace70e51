"""The password grant, for clients that bring it along: never weaker than the login page, in the same words for all."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from tests.flows.bench import Edit, flow, step, sub
from tests.oidc.harness import payload
from tests.stories.settled import Home, Town, opened, who_must, with_client

pytestmark = pytest.mark.anyio
INVALID = {"error": "invalid_grant", "error_description": "Invalid user credentials."}


@pytest.fixture
async def old(home: Home, tmp_path: Path, anyio_backend: str) -> AsyncIterator[Town]:
    """A town whose bank has an application that asks for passwords itself."""
    del anyio_backend
    async with opened(home, tmp_path, edit=with_client(directAccessGrantsEnabled=True)) as town:
        yield town


async def asked(town: Town, **changed: str | None) -> httpx.Response:
    arta = town.arta
    town.clock.advance(30)
    form: dict[str, str | None] = {
        "grant_type": "password",
        "username": arta.username,
        "password": arta.password,
        "totp": arta.code(),
        "scope": "openid",
        **changed,
    }
    return await town.bank.post("token", **{name: value for name, value in form.items() if value is not None})


def told(response: httpx.Response) -> dict[str, Any]:
    assert response.status_code == 400, response.text
    body: dict[str, Any] = response.json()
    return body


async def test_password_and_code_are_worth_what_a_login_is_worth(old: Town) -> None:
    response = await asked(old)
    assert response.status_code == 200, response.text
    tokens = response.json()
    claims = payload(tokens["id_token"])
    assert set(claims["amr"]) == {"pwd", "otp", "mfa"}
    browser = await old.logged_in()
    of_a_login = payload((await old.bank.redeem(browser.answer["code"])).json()["id_token"])
    assert (claims["acr"], claims["sub"]) == (of_a_login["acr"], of_a_login["sub"])
    assert not await old.are_dead(tokens)
    types = await old.event_types()
    assert "PASSWORD_TO_TOKEN" in types


async def test_the_tokens_die_with_their_session(old: Town) -> None:
    tokens = (await asked(old)).json()
    provider = old.site.desks["small-business"].provider
    assert await provider.stores.user_sessions.end(payload(tokens["id_token"])["sid"]) is not None
    assert await old.are_dead(tokens)


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"password": "wrong"}, id="a wrong password"),
        pytest.param({"username": "nobody"}, id="an unknown user"),
        pytest.param({"username": " "}, id="no name"),
        pytest.param({"totp": "000000"}, id="a wrong code"),
        pytest.param({"totp": None}, id="no code"),
        pytest.param({"totp": "x" * 500}, id="a long code"),
        pytest.param({"username": "x" * 5000}, id="a long name"),
    ],
)
async def test_whatever_is_wrong_the_answer_is_the_same(old: Town, changed: dict[str, str | None]) -> None:
    assert told(await asked(old, **changed)) == INVALID


async def test_otp_is_another_name_of_the_code(old: Town) -> None:
    old.clock.advance(30)
    assert (await asked(old, totp=None, otp="000000")).status_code == 400
    old.clock.advance(30)
    form = {"totp": None}
    code = old.arta
    old.clock.advance(-30)
    response = await asked(old, **form, otp=None)
    assert told(response) == INVALID
    old.clock.advance(30)
    response = await old.bank.post(
        "token", grant_type="password", username=code.username, password=code.password, otp=old.arta.code()
    )
    assert response.status_code == 200, response.text


async def test_a_code_that_a_browser_has_used_is_used_here_too(old: Town) -> None:
    browser = await old.arta.begin(old.bank)
    await old.arta.log_in(browser)
    response = await old.bank.post(
        "token", grant_type="password", username=old.arta.username, password=old.arta.password, totp=old.arta.code()
    )
    assert told(response) == INVALID


async def test_failures_are_counted_with_those_of_the_page_and_lock_both(old: Town) -> None:
    failures = old.site.desks["small-business"].realm.brute_force.failure_factor
    browser = await old.arta.begin(old.bank)
    await browser.submit("kc-form-login", username=old.arta.username, password="wrong")
    for _ in range(failures - 1):
        assert told(await asked(old, password="wrong")) == INVALID
    assert told(await asked(old)) == INVALID, "locked, also for the right password"
    page = await old.arta.give_password(browser)
    assert "kc-form-login" in page.forms, "and at the page"
    types = await old.event_types()
    assert any(kind.startswith("USER_DISABLED_BY_") for kind in types)


async def test_a_disabled_user_is_told_nothing_else(old: Town) -> None:
    import msgspec  # noqa: PLC0415 - beside its only use

    await old.change_user("arta.hoxha", lambda user: msgspec.structs.replace(user, enabled=False))
    assert told(await asked(old)) == INVALID


async def test_a_required_action_is_not_passed_by(old: Town) -> None:
    await old.change_user("arta.hoxha", who_must("UPDATE_PASSWORD"))
    expected = {"error": "invalid_grant", "error_description": "Account is not fully set up."}
    assert told(await asked(old)) == expected
    assert told(await asked(old, password="wrong")) == INVALID, "who does not know the password learns nothing"


async def test_a_user_without_the_second_factor_does_not_get_in_by_the_first(old: Town) -> None:
    besnik = old.besnik
    response = await old.bank.post("token", grant_type="password", username=besnik.username, password=besnik.password)
    assert response.status_code == 400


async def test_a_client_that_does_not_have_the_grant_is_refused_before_anything_is_counted(town: Town) -> None:
    assert told(await asked(town, password="wrong"))["error"] == "unauthorized_client"
    user = await town.user("arta.hoxha")
    stores = town.site.desks["small-business"].provider.stores
    assert not (await stores.attempts.locks(user.id)).factors
    assert "password" not in (await metadata(town))["grant_types_supported"]


async def test_it_is_in_the_metadata_where_a_client_has_it(old: Town) -> None:
    assert "password" in (await metadata(old))["grant_types_supported"]


async def metadata(town: Town) -> Any:
    return (await town.browser().http.get(f"{town.bank.issuer}/.well-known/openid-configuration")).json()


@pytest.mark.parametrize("missing", ["username", "password"])
async def test_a_missing_parameter_is_an_invalid_request(old: Town, missing: str) -> None:
    assert told(await asked(old, **{missing: None}))["error"] == "invalid_request"


async def test_details_that_need_a_consent_are_refused(old: Town) -> None:
    assert told(await asked(old, authorization_details="[]"))["error"] == "invalid_request"


async def test_a_client_that_needs_consent_cannot_be_given_one_here(home: Home, tmp_path: Path) -> None:
    edit = with_client(directAccessGrantsEnabled=True, consentRequired=True)
    async with opened(home, tmp_path, edit=edit) as town:
        assert told(await asked(town))["error"] == "invalid_grant"


async def test_no_password_is_in_log_or_events(home: Home, tmp_path: Path) -> None:
    from tests.stories.settled import logging_to  # noqa: PLC0415 - beside its only use

    lines: list[dict[str, Any]] = []
    async with opened(
        home, tmp_path, edit=with_client(directAccessGrantsEnabled=True), log=logging_to(lines.append)
    ) as town:
        await asked(town)
        await asked(town, totp="123456")
        assert town.arta.password not in repr(lines) + repr(await town.events())


async def test_a_wrong_password_is_counted_once(old: Town) -> None:
    await asked(old, password="wrong")
    user = await old.user("arta.hoxha")
    locks = await old.site.desks["small-business"].provider.stores.attempts.locks(user.id)
    assert locks.of("password").attempts == 1


async def test_a_flow_that_sends_messages_is_no_flow_for_this_grant(home: Home, tmp_path: Path) -> None:
    def edit(document: dict[str, Any]) -> None:
        with_client(directAccessGrantsEnabled=True)(document)
        for one in document["authenticationFlows"]:
            for line in one["authenticationExecutions"]:
                if line.get("authenticator") == "auth-otp-form":
                    line["authenticator"] = "sms-otp"

    async with opened(home, tmp_path, edit=edit) as town:
        sent = len(town.sms.messages)
        assert told(await asked(town))["error"] == "unauthorized_client"
        assert len(town.sms.messages) == sent


# --- a flow of its own (Keycloak's `directGrantFlow`)


OWN = (
    flow(
        "own grant",
        step("direct-grant-validate-username"),
        step("direct-grant-validate-password"),
        sub("own second", "CONDITIONAL"),
        id="own-grant",
    ),
    flow("own second", step("conditional-user-configured"), step("direct-grant-validate-otp")),
)


def bound(*flows: dict[str, Any], override: bool = False, **client: Any) -> Edit:
    """Bind the first of these flows for the realm, or for the bank's client alone."""

    def edit(found: dict[str, Any]) -> None:
        found["authenticationFlows"] += flows
        if override:
            found["clients"][0]["authenticationFlowBindingOverrides"] = {"direct_grant": flows[0]["id"]}
        else:
            found["directGrantFlow"] = flows[0]["alias"]
        found["clients"][0].update({"directAccessGrantsEnabled": True, **client})

    return edit


@pytest.mark.parametrize("override", [False, True])
async def test_a_direct_grant_flow_of_the_realm_or_the_client_is_what_is_run(
    home: Home, tmp_path: Path, *, override: bool
) -> None:
    """The demo's login has a gate and a REQUIRED token; this flow asks for a token only of those who have one."""
    async with opened(home, tmp_path, edit=bound(*OWN, override=override)) as town:
        claims = payload((await asked(town)).json()["id_token"])
        assert set(claims["amr"]) == {"pwd", "otp", "mfa"}
        assert told(await asked(town, totp=None)) == INVALID
        assert told(await asked(town, password="wrong")) == INVALID
        await town.change_user(
            "arta.hoxha", lambda user: msgspec.structs.replace(user, credentials=user.credentials[:1])
        )
        claims = payload((await asked(town, totp=None)).json()["id_token"])
        assert (claims["amr"], claims["acr"]) == (["pwd"], "pwd")


async def test_t03_a_way_that_the_application_cannot_go_gives_way_to_the_next(home: Home, tmp_path: Path) -> None:
    """Keycloak #17411: there a challenge in the first alternative ends the grant."""
    second = flow(
        "own second",
        {**step("direct-grant-validate-otp"), "requirement": "ALTERNATIVE"},
        {**step("auth-password-form"), "requirement": "ALTERNATIVE"},
    )
    first = flow("own grant", step("direct-grant-validate-username"), sub("own second"))
    async with opened(home, tmp_path, edit=bound(first, second)) as town:
        claims = payload((await asked(town, totp=None)).json()["id_token"])
        assert claims["amr"] == ["pwd"]
        assert told(await asked(town, totp=None, password="wrong")) == INVALID


async def test_a_client_without_the_grant_runs_no_flow_for_it(home: Home, tmp_path: Path) -> None:
    broken = flow("own grant", step("no-such-step"), id="own-grant")
    edit = bound(broken, override=True, directAccessGrantsEnabled=False)
    async with opened(home, tmp_path, edit=edit) as town:
        assert told(await asked(town))["error"] == "unauthorized_client"
