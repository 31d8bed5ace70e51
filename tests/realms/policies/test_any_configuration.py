"""Whatever stands in a policy, and whatever a client writes: it is judged, never stumbled over."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from idp.model.clients.policy import ClientPolicy, PolicyPart
from idp.realms.policies.conditions import CONDITIONS, Change, Subject
from idp.realms.policies.executors import EXECUTORS
from idp.realms.policies.governing import governed
from idp.realms.representation import realm as file
from tests.realms.documents import demo, loaded
from tests.realms.policies.clients import ANY

KEYS = st.sampled_from(
    [
        "attributes",
        "auto-configure",
        "available-period",
        "allowed-client-authenticators",
        "allow-permitted-domains",
        "default-algorithm",
        "grant_types",
        "is-negative-logic",
        "oauth-2-1-compliant",
        "scopes",
        "trusted-hosts",
        "type",
    ]
)
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
CONFIGURATIONS = st.dictionaries(KEYS, JSON | st.just("[[") | st.just('[{"key": 1}]'), max_size=5)
ADDRESSES = st.sampled_from(["https://[::1", "http://127.0.0.1/*", "//", "a:b", "https://a:99999/", "*"]) | st.text()
CLIENTS = st.builds(
    file.Client,
    client_id=st.text(max_size=8),
    public_client=st.booleans(),
    root_url=ADDRESSES,
    redirect_uris=st.lists(ADDRESSES, max_size=3).map(tuple),
    web_origins=st.lists(ADDRESSES, max_size=2).map(tuple),
    attributes=st.dictionaries(
        st.sampled_from(["jwks.url", "request.uris", "post.logout.redirect.uris", "request.object.required"]), ADDRESSES
    ),
)
SUBJECTS = st.builds(
    Subject,
    client=CLIENTS,
    change=st.none() | st.builds(Change, context=st.just("ByAnonymous"), address=st.none() | st.text(max_size=12)),
)


@given(subject=SUBJECTS, configuration=CONFIGURATIONS, executor=st.sampled_from(sorted(EXECUTORS)))
def test_every_executor_judges_every_client(subject: Subject, configuration: dict[str, Any], executor: str) -> None:
    policy = ClientPolicy(
        name="p", conditions=(ANY,), executors=(PolicyPart(name=executor, configuration=configuration),)
    )
    result = governed([policy], subject)
    assert result.rules.policies == ("p",)
    again = governed([policy], Subject(client=result.client))
    assert again.client == result.client, "what a policy has configured, it leaves as it is"


@given(subject=SUBJECTS, configuration=CONFIGURATIONS, condition=st.sampled_from(sorted(CONDITIONS)))
def test_every_condition_decides(subject: Subject, configuration: dict[str, Any], condition: str) -> None:
    part = PolicyPart(name=condition, configuration=configuration)
    meant = governed([ClientPolicy(name="p", conditions=(part,))], subject).rules.policies
    assert meant in {(), ("p",)}


@given(policies=JSON, profiles=JSON)
def test_any_json_is_read_or_told(policies: Any, profiles: Any) -> None:
    document = demo()
    document["clientPolicies"], document["clientProfiles"] = policies, {"profiles": profiles}
    assert loaded(document).realm.name == document["realm"]
