"""Raw parameters → a checked request, or the one error that the specification names. No server is needed for it."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.crypto.jose import TokenError
from idp.model.client import Client
from idp.model.oauth import AuthorizationRequest
from idp.oidc.authorization.request import checked
from idp.oidc.authorization.target import Target
from idp.oidc.errors import OAuthError

REDIRECT = "https://app.bank.al/callback"
CLIENT = Client(
    client_id="app", redirect_uris=(REDIRECT,), default_scopes=("profile",), optional_scopes=("email", "phone")
)
TARGET = Target(redirect_uri=REDIRECT, response_mode="query", state="s", issuer="https://id.bank.al/realms/bank")
GOOD = {
    "client_id": "app",
    "redirect_uri": REDIRECT,
    "response_type": "code",
    "scope": "openid email",
    "state": "s",
    "nonce": "n",
    "code_challenge": "c" * 43,
    "code_challenge_method": "S256",
}


def read_hint(hint: str) -> Mapping[str, object]:
    if hint != "a good hint":
        raise TokenError("not ours")
    return {"sub": "user-1"}


def check(client: Client = CLIENT, **changed: str | None) -> AuthorizationRequest:
    parameters = {name: value for name, value in {**GOOD, **changed}.items() if value is not None}
    return checked(parameters, client=client, target=TARGET, read_hint=read_hint)


def refused(client: Client = CLIENT, **changed: str | None) -> str:
    with pytest.raises(OAuthError) as error:
        check(client, **changed)
    return error.value.code.value


def test_a_good_request_is_kept_as_it_was_sent() -> None:
    request = check(
        login_hint="arta", ui_locales="sq en", acr_values="mfa-otp pwd", max_age="60", prompt="login consent"
    )
    assert request == AuthorizationRequest(
        client_id="app",
        redirect_uri=REDIRECT,
        response_mode="query",
        scope=("openid", "email", "profile"),
        state="s",
        nonce="n",
        code_challenge="c" * 43,
        prompt=("login", "consent"),
        max_age=60,
        login_hint="arta",
        ui_locales=("sq", "en"),
        acr_values=("mfa-otp", "pwd"),
    )


@pytest.mark.parametrize(
    ("asked", "granted"),
    [
        (None, ("profile",)),
        ("", ("profile",)),
        ("openid", ("openid", "profile")),
        ("openid openid email email", ("openid", "email", "profile")),
        ("openid admin offline_access roles", ("openid", "profile")),
        ("  openid \t phone ", ("openid", "phone", "profile")),
    ],
)
def test_a_scope_is_granted_if_the_client_may_have_it(asked: str | None, granted: tuple[str, ...]) -> None:
    assert check(scope=asked).scope == granted


@pytest.mark.parametrize("response_type", ["token", "id_token", "code token", "code id_token", "none", "CODE", "code "])
def test_only_the_code_flow_is_supported(response_type: str) -> None:
    assert refused(response_type=response_type) == "unsupported_response_type"


def test_a_missing_response_type_is_an_invalid_request() -> None:
    assert refused(response_type=None) == "invalid_request"


def test_a_client_without_the_code_flow_is_unauthorized() -> None:
    assert refused(msgspec.structs.replace(CLIENT, standard_flow=False)) == "unauthorized_client"


@pytest.mark.parametrize("mode", ["form_post", "query.jwt", "Query", "web_message"])
def test_an_unsupported_response_mode_is_an_invalid_request(mode: str) -> None:
    assert refused(response_mode=mode) == "invalid_request"


def test_what_is_not_supported_is_refused_and_not_ignored() -> None:
    assert refused(CLIENT, registration="x") == "registration_not_supported"


@pytest.mark.parametrize(
    ("challenge", "method"),
    [
        (None, None),
        (None, "S256"),
        ("c" * 43, None),
        ("c" * 43, "plain"),
        ("c" * 43, "s256"),
        ("c" * 42, "S256"),
        ("c" * 44, "S256"),
        ("c" * 42 + "+", "S256"),
        ("c" * 42 + "=", "S256"),
        ("c" * 43 + "\n", "S256"),
    ],
)
def test_pkce_is_s256_or_nothing_goes_on(challenge: str | None, method: str | None) -> None:
    assert refused(code_challenge=challenge, code_challenge_method=method) == "invalid_request"


def test_pkce_may_be_left_out_only_by_a_client_that_need_not_use_it_and_then_wholly() -> None:
    free = msgspec.structs.replace(CLIENT, pkce_required=False)
    assert check(free, code_challenge=None, code_challenge_method=None).code_challenge is None
    assert refused(free, code_challenge=None) == "invalid_request"
    assert refused(free, code_challenge_method="plain") == "invalid_request"
    assert refused(free, code_challenge_method=None) == "invalid_request"


def test_the_key_that_a_code_is_bound_to_is_kept() -> None:
    assert check(dpop_jkt="k" * 43).dpop_jkt == "k" * 43
    assert not check().dpop_jkt


@pytest.mark.parametrize("thumbprint", ["k" * 42, "k" * 44, "k" * 42 + "=", "k" * 42 + " "])
def test_a_key_that_is_no_thumbprint_is_refused(thumbprint: str) -> None:
    assert refused(dpop_jkt=thumbprint) == "invalid_request"


@pytest.mark.parametrize("prompt", ["none login", "none consent", "login none", "create", "Login", "none none x"])
def test_a_prompt_is_known_and_none_stands_alone(prompt: str) -> None:
    assert refused(prompt=prompt) == "invalid_request"


def test_a_prompt_said_twice_counts_once() -> None:
    assert check(prompt="none none").prompt == ("none",)
    assert check(prompt="login login consent").prompt == ("login", "consent")


@pytest.mark.parametrize(("text", "seconds"), [("0", 0), ("1", 1), ("0060", 60), ("9999999999", 9_999_999_999)])
def test_a_max_age_is_a_number_of_seconds(text: str, seconds: int) -> None:
    assert check(max_age=text).max_age == seconds


@pytest.mark.parametrize(
    "text", ["-1", "+1", "1.0", "1e3", "x", "٣", "²", " 1", "1" * 11, "0" * 12 + "9" * 30, "9" * 5000]
)
def test_a_max_age_that_is_none_is_refused(text: str) -> None:
    assert refused(max_age=text) == "invalid_request"


def test_a_hint_names_its_user_and_must_be_ours() -> None:
    assert check(id_token_hint="a good hint").hinted_user_id == "user-1"
    assert refused(id_token_hint="another") == "invalid_request"


def test_long_values_are_cut_or_refused() -> None:
    assert len(check(login_hint="x" * 5000).login_hint) == 255
    assert len(check(ui_locales=" ".join(["sq"] * 500)).ui_locales) == 20
    assert len(check(acr_values=" ".join(["x"] * 500)).acr_values) == 20
    assert check(nonce="n" * 1024).nonce == "n" * 1024
    assert refused(nonce="n" * 1025) == "invalid_request"


def test_the_clients_registered_acr_is_asked_for_where_the_request_asks_for_none() -> None:
    client = msgspec.structs.replace(CLIENT, default_acr_values=("mfa-otp",))
    assert check(client).acr_values == ("mfa-otp",)
    assert check(client, acr_values="pwd").acr_values == ("pwd",)


NAMES = st.sampled_from(
    [
        *GOOD,
        "prompt",
        "max_age",
        "id_token_hint",
        "login_hint",
        "ui_locales",
        "acr_values",
        "response_mode",
        "request",
        "x",
    ]
)


@given(st.dictionaries(NAMES, st.text(max_size=30)), st.sets(st.sampled_from(sorted(GOOD))))
def test_any_parameters_give_a_request_that_can_be_stored_or_an_error_for_the_client(
    changed: dict[str, str], left_out: set[str]
) -> None:
    parameters = {name: value for name, value in {**GOOD, **changed}.items() if name not in left_out}
    try:
        request = checked(parameters, client=CLIENT, target=TARGET, read_hint=read_hint)
    except OAuthError:
        return  # anything but an OAuthError is a failure of ours
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(request), type=AuthorizationRequest) == request
    assert request.code_challenge == parameters["code_challenge"]
    assert request.redirect_uri == REDIRECT
