"""Authorization details (RFC 9396): of the bank's types, every field known, and never more than was agreed."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from idp.model.oauth import GrantTerms
from idp.oidc.errors import OAuthError
from idp.oidc.terms.details import narrowed_details, read_details
from tests.fakes import FakeClock
from tests.oidc.harness import Bank, credentials, payload
from tests.oidc.terms.payments import OTHER_PAYMENT, PAYMENT, TERMS, open_payments, text

pytestmark = pytest.mark.anyio


@pytest.fixture
def api(bank: Bank) -> Bank:
    return open_payments(bank)


def read(bank: Bank, given_text: str | None, client_id: str = "app") -> tuple[dict[str, Any], ...]:
    return read_details(bank.provider, bank.realm.clients[client_id], given_text)


def refused(bank: Bank, given_text: str, client_id: str = "app") -> str:
    with pytest.raises(OAuthError) as error:
        read(bank, given_text, client_id)
    assert error.value.code.value == "invalid_authorization_details"
    return error.value.detail.removeprefix("authorization_details: ")


def test_what_the_schema_allows_is_granted_as_it_was_sent(api: Bank) -> None:
    assert read(api, None) == ()
    assert read(api, text(PAYMENT)) == (PAYMENT,)
    assert read(api, text(PAYMENT, {**PAYMENT, "urgent": True})) == (PAYMENT, {**PAYMENT, "urgent": True})


UNSCHEMATIC: list[dict[str, Any]] = [
    {"amount": None},
    {"amount": {"value": "12.50"}},
    {"amount": {"value": 12.5, "currency": "ALL"}},
    {"amount": {"value": "12.5", "currency": "ALL"}},
    {"amount": {"value": "12.50", "currency": "EUR"}},
    {"amount": {"value": "12.50", "currency": "ALL", "note": "x"}},
    {"creditor": 1},
    {"creditor": "A" * 35},
    {"urgent": "yes"},
    {"note": "a field that the type does not have"},
    {"locations": ["https://evil.example/"]},
    {"Amount": {}},
]


@pytest.mark.parametrize("changed", UNSCHEMATIC, ids=str)
def test_what_the_schema_does_not_allow_is_refused_unknown_fields_too(api: Bank, changed: dict[str, Any]) -> None:
    """RFC 9396 §5: nobody would show the person a field that nobody knows."""
    assert refused(api, text({**PAYMENT, **changed})) == "the schema of payment refuses it"
    assert refused(api, text(PAYMENT, {**PAYMENT, **changed})) == "the schema of payment refuses it"


def test_a_schema_may_leave_its_fields_open(api: Bank) -> None:
    assert read(api, text({"type": "open", "anything": [1, {"x": None}]}))


@pytest.mark.parametrize("kind", ["unknown", "Payment", "unused", "", None, 1, ["payment"], {"type": "payment"}])
def test_a_type_is_one_of_the_bank_and_of_the_client(api: Bank, kind: Any) -> None:
    assert refused(api, text({**PAYMENT, "type": kind})) == "type unknown, or not the client's"


def test_a_client_without_types_may_ask_for_none(api: Bank) -> None:
    assert refused(api, text(PAYMENT), "other") == "type unknown, or not the client's"


def test_a_detail_without_a_type_is_none(api: Bank) -> None:
    assert refused(api, text({"amount": PAYMENT["amount"]})) == "type unknown, or not the client's"


@pytest.mark.parametrize(
    "given_text",
    [
        "",
        "payment",
        "{",
        "null",
        "1",
        "[]",
        "{}",
        json.dumps(PAYMENT),
        "[null]",
        "[[]]",
        text(*[PAYMENT] * 11),
        text({"type": "open", "x": "y" * 6200}),
        "[" * 3000,
        "[" * 3000 + "]" * 3000,
        '[{"type":"open","x":' + "[" * 1500 + "]" * 1500 + "}]",
        '[{"type":"payment","type":"open"}]',
        '[{"type":"open","x":NaN}]',
        '[{"type":"open","x":1e999}]',
        f'[{{"type":"open","x":{2**70}}}]',
        '[{"type":"open","x":"\\ud800"}]',
        '[{"type":"open","x":' + '{"y":' * 12 + "1" + "}" * 12 + "}]",
    ],
    ids=lambda given_text: given_text[:24],
)
def test_what_cannot_be_read_kept_or_shown_is_refused(api: Bank, given_text: str) -> None:
    refused(api, given_text)


@pytest.mark.parametrize("sign", ["\u202e", "\u2066", "\u200f", "\u061c", "\n", "\x00", "\x1b", "\u2028", "\x85"])
def test_what_would_be_read_as_something_else_is_refused(api: Bank, sign: str) -> None:
    """CVE-2021-42574: the person agrees to what is shown, the API does what is written."""
    for detail in ({"x": f"12{sign}34"}, {f"x{sign}": 1}, {"x": [{"y": [sign]}]}):
        assert refused(api, text({"type": "open", **detail})) == "text that would not be read as it is"
    assert read(api, text({"type": "open", "x": "Drita Leka, çmim 12,50 € עברית 👩‍💻"}))


def test_a_schema_that_never_gets_anywhere_refuses(api: Bank) -> None:
    schemas = {**api.realm.authorization_details_types, "open": {"$ref": "#"}}
    api.realm = msgspec.structs.replace(api.realm, authorization_details_types=schemas)
    assert refused(api, text({"type": "open"})) == "the schema of open refuses it"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(st.text(max_size=8), inside, max_size=3),
    max_leaves=10,
)
DETAIL = st.fixed_dictionaries({"type": st.sampled_from(["open", "payment"])}, optional={"x": JSON, "amount": JSON})


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=40) | JSON.map(json.dumps) | st.lists(DETAIL, max_size=3).map(json.dumps))
def test_any_text_is_details_that_can_be_kept_or_one_error(given_text: str) -> None:
    bank = open_payments(Bank(FakeClock()))
    try:
        details = read(bank, given_text)
    except OAuthError:
        return  # anything but an OAuthError is a failure of ours
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(details), type=tuple[dict[str, Any], ...]) == details
    assert narrowed_details(given_text, details) == details
    assert all(detail["type"] in {"open", "payment"} for detail in details)


# At the token endpoint.


async def test_what_was_agreed_stands_in_token_answer_and_introspection(api: Bank) -> None:
    answer = await api.tokens(terms=GrantTerms(authorization_details=(PAYMENT,)))
    assert answer["authorization_details"] == [PAYMENT]
    assert payload(answer["access_token"])["authorization_details"] == [PAYMENT]
    assert (await api.introspect(answer["access_token"]))["authorization_details"] == [PAYMENT]
    assert "authorization_details" not in payload(answer["id_token"])
    renewed = (await api.refresh(answer["refresh_token"])).json()
    assert renewed["authorization_details"] == [PAYMENT]
    assert payload(renewed["access_token"])["authorization_details"] == [PAYMENT]


async def test_a_token_without_details_says_nothing_of_them(api: Bank) -> None:
    answer = await api.tokens()
    assert "authorization_details" not in answer
    assert "authorization_details" not in payload(answer["access_token"])


@pytest.mark.parametrize(("agreed", "asked"), [(True, 1), (1, True), (1, 1.0), (0, False), ("1", 1)])
def test_a_part_is_the_same_json_and_not_what_a_language_takes_for_equal(agreed: object, asked: object) -> None:
    with pytest.raises(OAuthError):
        narrowed_details(text({"type": "open", "x": asked}), ({"type": "open", "x": agreed},))


def test_two_equal_payments_are_two() -> None:
    assert narrowed_details(text(PAYMENT), (PAYMENT, PAYMENT)) == (PAYMENT,)
    assert narrowed_details(text(PAYMENT, PAYMENT), (PAYMENT, PAYMENT)) == (PAYMENT, PAYMENT)
    with pytest.raises(OAuthError):
        narrowed_details(text(PAYMENT, PAYMENT), (PAYMENT, OTHER_PAYMENT))


async def test_a_token_may_have_a_part_of_what_was_agreed(api: Bank) -> None:
    await api.tokens()
    reply = await api.redeem(await api.code(terms=TERMS), authorization_details=text(OTHER_PAYMENT))
    assert reply.json()["authorization_details"] == [OTHER_PAYMENT]
    introspected = await api.introspect(reply.json()["access_token"])
    assert introspected["authorization_details"] == [OTHER_PAYMENT]
    renewed = await api.refresh(reply.json()["refresh_token"])
    assert renewed.json()["authorization_details"] == [PAYMENT, OTHER_PAYMENT], "the grant has kept all of it"


MORE = [
    text({**PAYMENT, "amount": {"value": "99.00", "currency": "ALL"}}),
    text({**PAYMENT, "urgent": True}),
    text(PAYMENT, {"type": "open"}),
    text({"type": "payment"}),
    "[]",
    "x",
]


@pytest.mark.parametrize("asked", MORE)
async def test_a_token_never_has_more_than_was_agreed(api: Bank, asked: str) -> None:
    await api.tokens()
    for terms in (TERMS, GrantTerms()):
        reply = await api.redeem(await api.code(terms=terms), authorization_details=asked)
        assert (reply.status_code, reply.json()["error"]) == (400, "invalid_authorization_details")


@pytest.mark.parametrize("asked", MORE)
async def test_a_refresh_never_has_more_than_was_agreed_and_a_refusal_costs_nothing(api: Bank, asked: str) -> None:
    refresh = (await api.tokens(terms=TERMS))["refresh_token"]
    reply = await api.refresh(refresh, authorization_details=asked)
    assert (reply.status_code, reply.json()["error"]) == (400, "invalid_authorization_details")
    assert (await api.refresh(refresh, authorization_details=text(PAYMENT))).status_code == 200


async def test_a_client_may_ask_for_itself_within_its_types(api: Bank) -> None:
    form = {"grant_type": "client_credentials", **credentials("app"), "authorization_details": text(PAYMENT)}
    answer = (await api.post("token", form)).json()
    assert answer["authorization_details"] == [PAYMENT]
    assert (await api.introspect(answer["access_token"]))["authorization_details"] == [PAYMENT]
    form["authorization_details"] = text({**PAYMENT, "note": "x"})
    reply = await api.post("token", form)
    assert (reply.status_code, reply.json()["error"]) == (400, "invalid_authorization_details")


async def test_the_metadata_names_the_types(api: Bank, bank: Bank) -> None:
    document = (await api.http.get("/realms/bank/.well-known/openid-configuration")).json()
    assert document["authorization_details_types_supported"] == ["open", "payment", "unused"]
    bank.realm = msgspec.structs.replace(bank.realm, authorization_details_types={})
    document = (await bank.http.get("/realms/bank/.well-known/openid-configuration")).json()
    assert "authorization_details_types_supported" not in document
