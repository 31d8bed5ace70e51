"""Raw parameters → a checked request, or the one error that the specification names. No server is needed for it."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import permutations, product

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.crypto.jose import TokenError
from idp.model.client import Client
from idp.model.clients.sender import SenderRules
from idp.model.oauth import AuthorizationRequest
from idp.oidc.authorization.request import checked
from idp.oidc.authorization.response import RESPONSE_TYPES, response_mode_of
from idp.oidc.authorization.target import Target
from idp.oidc.errors import OAuthError

REDIRECT = "https://app.bank.al/callback"
CLIENT = Client(
    client_id="app", redirect_uris=(REDIRECT,), default_scopes=("profile",), optional_scopes=("email", "phone")
)
EVERYTHING = msgspec.structs.replace(CLIENT, implicit_flow=True)
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
    audiences = {"a good hint": "app", "one for two": ["other", "app"], "another client's": ["other"], "nobody's": None}
    if hint not in audiences:
        raise TokenError("not ours")
    return {"sub": "user-1", "aud": audiences[hint]}


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


@pytest.mark.parametrize(
    "response_type",
    ["token", "CODE", "code ", "code  token", "code code", "code none", "none token", "x", "code x", " "],
)
def test_a_response_type_that_is_not_registered_is_unsupported(response_type: str) -> None:
    assert refused(EVERYTHING, response_type=response_type) == "unsupported_response_type"


@pytest.mark.parametrize("response_type", RESPONSE_TYPES)
def test_the_words_of_a_response_type_may_stand_in_any_order(response_type: str) -> None:
    words = response_type.split()
    for order in permutations(words):
        assert set(check(EVERYTHING, response_type=" ".join(order)).response_type) == set(words)


@pytest.mark.parametrize("response_type", RESPONSE_TYPES)
def test_each_response_type_is_switched_on_by_the_flows_it_needs(response_type: str) -> None:
    words = set(response_type.split())
    code, tokens = bool(words & {"code", "none"}), bool(words & {"token", "id_token"})
    for standard, implicit in product((False, True), repeat=2):
        client = msgspec.structs.replace(CLIENT, standard_flow=standard, implicit_flow=implicit)
        if (standard or not code) and (implicit or not tokens):
            check(client, response_type=response_type)
        else:
            assert refused(client, response_type=response_type) == "unauthorized_client"


def test_a_client_that_registered_response_types_has_no_others() -> None:
    client = msgspec.structs.replace(EVERYTHING, response_types=frozenset({("code", "id_token")}))
    assert check(client, response_type="id_token code").response_type == ("code", "id_token")
    for response_type in set(RESPONSE_TYPES) - {"code id_token"}:
        assert refused(client, response_type=response_type) == "unauthorized_client"


@pytest.mark.parametrize("bound", [SenderRules(dpop_bound=True), SenderRules(certificate_bound=True)])
def test_a_client_whose_tokens_are_bound_to_a_key_gets_none_where_no_key_is_proven(bound: SenderRules) -> None:
    client = msgspec.structs.replace(EVERYTHING, sender=bound)
    for response_type in RESPONSE_TYPES:
        if "token" in response_type.split():
            assert refused(client, response_type=response_type) == "unauthorized_client"
        else:
            check(client, response_type=response_type)


@pytest.mark.parametrize("response_type", RESPONSE_TYPES)
def test_an_id_token_in_the_answer_needs_a_nonce_and_the_scope_openid(response_type: str) -> None:
    if "id_token" in response_type:
        assert refused(EVERYTHING, response_type=response_type, nonce=None) == "invalid_request"
        assert refused(EVERYTHING, response_type=response_type, scope="profile") == "invalid_request"
    else:
        assert check(EVERYTHING, response_type=response_type, nonce=None, scope="profile").nonce is None


@pytest.mark.parametrize("response_type", RESPONSE_TYPES)
def test_only_a_code_is_protected_by_pkce(response_type: str) -> None:
    without = {"code_challenge": None, "code_challenge_method": None}
    if "code" in response_type.split():
        assert refused(EVERYTHING, response_type=response_type, **without) == "invalid_request"
    else:
        assert check(EVERYTHING, response_type=response_type, **without).code_challenge is None


@pytest.mark.parametrize("response_type", RESPONSE_TYPES)
def test_tokens_never_travel_in_a_query(response_type: str) -> None:
    if {"token", "id_token"} & set(response_type.split()):
        for mode in ("query", "query.jwt"):
            assert refused(EVERYTHING, response_type=response_type, response_mode=mode) == "invalid_request"
    else:
        for mode in ("query", "query.jwt"):
            check(EVERYTHING, response_type=response_type, response_mode=mode)
    for mode in ("fragment", "form_post", "jwt", "fragment.jwt", "form_post.jwt"):
        check(EVERYTHING, response_type=response_type, response_mode=mode)


@pytest.mark.parametrize(
    ("response_type", "asked", "mode"),
    [
        ("code", None, "query"),
        ("none", None, "query"),
        (None, None, "query"),
        ("id_token", None, "fragment"),
        ("token code", None, "fragment"),
        ("code", "fragment", "fragment"),
        ("code", "form_post", "form_post"),
        ("code", "jwt", "query.jwt"),
        ("id_token code", "jwt", "fragment.jwt"),
        ("code", "query.jwt", "query.jwt"),
        ("code", "fragment.jwt", "fragment.jwt"),
        ("id_token", "form_post.jwt", "form_post.jwt"),
        # Refused, and told where no token could have been.
        ("id_token", "query", "fragment"),
        ("id_token", "query.jwt", "fragment.jwt"),
        ("code", "web_message", "query"),
        ("id_token token", "Query", "fragment"),
        ("code_token", None, "query"),
    ],
)
def test_an_answer_travels_as_asked_or_as_is_usual_for_what_is_asked(
    response_type: str | None, asked: str | None, mode: str
) -> None:
    given = {"response_type": response_type, "response_mode": asked}
    assert response_mode_of({name: value for name, value in given.items() if value is not None}) == mode


def test_a_missing_response_type_is_an_invalid_request() -> None:
    assert refused(response_type=None) == "invalid_request"


@pytest.mark.parametrize("mode", ["Query", "web_message", "form_post ", "jwt.jwt", "form_post.JWT"])
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


def test_the_clients_registered_age_counts_where_the_request_names_none() -> None:
    client = msgspec.structs.replace(CLIENT, default_max_age=300)
    assert check(client).max_age == 300
    assert check(client, max_age="10000").max_age == 10000
    assert check(client, max_age="0").max_age == 0


@pytest.mark.parametrize("display", ["page", "popup", "touch", "wap", "hologram"])
def test_no_wish_about_the_display_is_an_error(display: str) -> None:
    # OpenID Connect Core §15.1: the least that is asked of a provider.
    assert check(display=display, claims_locales="sq it", something_else="x") == check()


def test_a_hint_names_its_user_and_must_be_ours() -> None:
    assert check(id_token_hint="a good hint").hinted_user_id == "user-1"
    assert check(id_token_hint="one for two").hinted_user_id == "user-1"
    for hint in ("another", "another client's", "nobody's"):
        assert refused(id_token_hint=hint) == "invalid_request"


def test_long_values_are_cut_or_refused() -> None:
    assert len(check(login_hint="x" * 5000).login_hint) == 255
    assert len(check(ui_locales=" ".join(["sq"] * 500)).ui_locales) == 20
    assert len(check(acr_values=" ".join(["x"] * 500)).acr_values) == 20
    assert check(ui_locales=f"sq {'x' * 256} {'y' * 255}").ui_locales == ("sq", "y" * 255)
    assert check(nonce="n" * 1024).nonce == "n" * 1024
    assert refused(nonce="n" * 1025) == "invalid_request"


def test_a_state_has_a_size() -> None:
    """The login is stored, and who asks has proven nothing."""
    checked(GOOD, client=CLIENT, target=msgspec.structs.replace(TARGET, state="s" * 8192), read_hint=read_hint)
    with pytest.raises(OAuthError, match="invalid_request"):
        checked(GOOD, client=CLIENT, target=msgspec.structs.replace(TARGET, state="s" * 8193), read_hint=read_hint)


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
        "display",
        "claims_locales",
        "request",
        "x",
    ]
)


TYPES = st.one_of(st.sampled_from(RESPONSE_TYPES), st.text(max_size=20))
MODES = st.one_of(st.sampled_from(["query", "fragment", "form_post", "jwt", "query.jwt", "form_post.jwt"]), st.text())


@given(
    st.dictionaries(NAMES, st.text(max_size=30)),
    st.sets(st.sampled_from(sorted(GOOD))),
    TYPES,
    MODES,
    st.sampled_from([CLIENT, EVERYTHING]),
)
def test_any_parameters_give_a_request_that_can_be_stored_or_an_error_for_the_client(
    changed: dict[str, str], left_out: set[str], response_type: str, mode: str, client: Client
) -> None:
    asked = {**GOOD, "response_type": response_type, "response_mode": mode, **changed}
    parameters = {name: value for name, value in asked.items() if name not in left_out and value}
    way = response_mode_of(parameters)  # total: whatever was asked, the error has a way to travel
    target = msgspec.structs.replace(TARGET, response_mode=way)
    try:
        request = checked(parameters, client=client, target=target, read_hint=read_hint)
    except OAuthError:
        return  # anything but an OAuthError is a failure of ours
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(request), type=AuthorizationRequest) == request
    assert request.redirect_uri == REDIRECT
    if "code" in request.response_type:
        assert request.code_challenge == parameters["code_challenge"]
    if {"token", "id_token"} & set(request.response_type):
        assert client is EVERYTHING
        assert not way.startswith("query")
