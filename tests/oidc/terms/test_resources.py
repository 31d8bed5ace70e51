"""A token is for the resource servers that it was asked for, which the bank knows, and for nobody else (RFC 8707)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.model.claims.mapper import Audience, Into
from idp.model.oauth import GrantTerms
from idp.model.resource import is_resource
from tests.oidc.harness import Bank, credentials, payload
from tests.oidc.terms.payments import API, NAMED, OTHER_API, TERMS, open_payments

pytestmark = pytest.mark.anyio


@pytest.fixture
def api(bank: Bank) -> Bank:
    return open_payments(bank)


async def redeem(bank: Bank, *resources: str, terms: GrantTerms = TERMS) -> dict[str, object]:
    """Redeem a code of a grant with terms, for some of its resources."""
    await bank.tokens()  # Ana is logged in
    reply = await bank.redeem(await bank.code(terms=terms), resource=list(resources))  # type: ignore[arg-type] # repeated
    answer: dict[str, object] = reply.json()
    return answer


@pytest.mark.parametrize(
    ("named", "audience"),
    [
        ((), [API, OTHER_API]),
        ((API,), API),
        ((OTHER_API,), OTHER_API),
        ((API, OTHER_API), [API, OTHER_API]),
        ((API, API), API),
        (("",), [API, OTHER_API]),
    ],
)
async def test_the_audience_is_what_the_token_was_asked_for(
    api: Bank, named: tuple[str, ...], audience: object
) -> None:
    token = str((await redeem(api, *named))["access_token"])
    assert payload(token)["aud"] == audience


async def test_a_grant_without_resources_has_the_audience_it_always_had(api: Bank) -> None:
    assert payload(str((await redeem(api, terms=GrantTerms()))["access_token"]))["aud"] == "app"


@pytest.mark.parametrize("wider", [(NAMED,), (API, NAMED), ("https://unknown.example/",), ("not a uri",)])
async def test_the_token_endpoint_never_widens(api: Bank, wider: tuple[str, ...]) -> None:
    assert (await redeem(api, *wider))["error"] == "invalid_target"


async def test_a_grant_for_no_resource_in_particular_is_not_turned_into_one(api: Bank) -> None:
    assert (await redeem(api, API, terms=GrantTerms()))["error"] == "invalid_target"


async def test_each_refresh_may_name_another_part_and_never_more(api: Bank) -> None:
    refresh = str((await redeem(api, API))["refresh_token"])
    for resource, audience in ((OTHER_API, OTHER_API), (API, API), (None, [API, OTHER_API])):
        reply = await api.refresh(refresh, resource=resource)
        assert payload(reply.json()["access_token"])["aud"] == audience
    reply = await api.refresh(refresh, resource=NAMED)
    assert (reply.status_code, reply.json()["error"]) == (400, "invalid_target")
    assert (await api.refresh(refresh)).status_code == 200, "a refused request has not used the token up"


@pytest.mark.parametrize("resource", [API, NAMED])
async def test_a_client_may_ask_for_itself_what_the_bank_knows(api: Bank, resource: str) -> None:
    form = {"grant_type": "client_credentials", **credentials("app"), "resource": resource}
    assert payload((await api.post("token", form)).json()["access_token"])["aud"] == resource


@pytest.mark.parametrize(
    "resource",
    [
        "https://unknown.example/",
        "https://closed.bank.al/",
        f"{API}/",
        f"{API}#x",
        API.upper(),
        "app",
        "/payments",
        "https://",
        "https://api.bank.al/payments\nx",
    ],
)
async def test_a_resource_that_the_bank_does_not_know_is_refused(api: Bank, resource: str) -> None:
    form = {"grant_type": "client_credentials", **credentials("app"), "resource": resource}
    reply = await api.post("token", form)
    assert (reply.status_code, reply.json()["error"]) == (400, "invalid_target")


async def test_a_request_names_a_few_resources(api: Bank) -> None:
    many = tuple(f"{API}?{number}" for number in range(11))
    api.change_client("payments", resources=many)
    for named, answer in ((many[:10], "access_token"), (many, "error")):
        form = {"grant_type": "client_credentials", **credentials("app"), "resource": list(named)}
        assert answer in (await api.post("token", form)).json()


async def test_the_resource_server_of_an_audience_may_ask_about_the_token(api: Bank) -> None:
    token = str((await redeem(api, API))["access_token"])
    secret = credentials("app")["client_secret"]
    reply = await api.post("token/introspect", {"token": token, "client_id": "payments", "client_secret": secret})
    assert reply.json()["active"] is True
    assert reply.json()["aud"] == API
    reply = await api.post("token/introspect", {"token": token, "client_id": NAMED, "client_secret": secret})
    assert reply.json() == {"active": False}


async def test_a_mapped_audience_is_not_added_to_one_that_was_asked_for(api: Bank) -> None:
    api.change_client("app", mappers=(Audience(audience="everybody", into=Into()),))
    token = str((await redeem(api, API))["access_token"])
    assert payload(token)["aud"] == API
    assert (await api.introspect(token))["aud"] == API
    token = str((await redeem(api, terms=GrantTerms()))["access_token"])
    assert payload(token)["aud"] == ["app", "everybody"]
    assert (await api.introspect(token))["aud"] == ["app", "everybody"]


@pytest.mark.parametrize("name", ["https://a.example", "https://a.example/b?c=d", "urn:bank:api", "com.bank:/api"])
def test_an_absolute_uri_may_name_a_resource(name: str) -> None:
    assert is_resource(name)
    assert not is_resource(f"{name}#")


@given(
    st.text(max_size=40) | st.lists(st.sampled_from(["https:", "//", "[", "]", "@", "#", " ", "a", "é"])).map("".join)
)
def test_any_text_is_a_resource_or_not(text: str) -> None:
    if is_resource(text):
        assert ":" in text
        assert text.isascii()
        assert not set("# \n\t") & set(text)
