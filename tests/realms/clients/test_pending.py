"""Device authorization and CIBA in realm files: Keycloak's attributes, and each way to get them wrong."""

from __future__ import annotations

import json
from typing import Any

import pytest
from joserfc.jwk import ECKey

from idp.model.finding import Severity
from idp.model.pending import BackchannelRules, DeviceRules, PendingPolicy
from tests.realms.documents import Change, brief, demo, findings, loaded

ERROR, WARNING = Severity.ERROR, Severity.WARNING
AT = "/clients/0/attributes"
DEVICE = {"oauth2.device.authorization.grant.enabled": "true"}
CIBA = {"oidc.ciba.grant.enabled": "true"}
MODE, NOTIFY = "ciba.backchannel.token.delivery.mode", "ciba.backchannel.client.notification.endpoint"
LIFE, HINT = "oauth2.device.code.lifespan", "cibaAuthRequestedUserHint"
ALG = "ciba.backchannel.auth.request.signing.alg"
PING = {**CIBA, MODE: "ping", NOTIFY: "https://app.bank.example/ping"}
KEYS = {
    "use.jwks.string": "true",
    "jwks.string": json.dumps({"keys": [ECKey.generate_key("P-256", {"kid": "a"}).as_dict(private=False)]}),
}


def client(attributes: dict[str, str], **changed: Any) -> Change:
    def change(document: dict[str, Any]) -> None:
        document["clients"][0]["attributes"] |= attributes
        document["clients"][0].update(changed)

    return change


def realm(attributes: dict[str, str], **changed: Any) -> Change:
    def change(document: dict[str, Any]) -> None:
        document["attributes"] = {**document.get("attributes", {}), **attributes}
        document.update(changed)

    return change


def both(*changes: Change) -> Change:
    def change(document: dict[str, Any]) -> None:
        for one in changes:
            one(document)

    return change


CASES = [
    ("C-DEVICE-LIFE", ERROR, f"{AT}/{LIFE}", client({**DEVICE, LIFE: "7200"})),
    ("C-ATTRIBUTE", ERROR, f"{AT}/oauth2.device.polling.interval", client({"oauth2.device.polling.interval": "soon"})),
    ("C-CIBA-MODE", ERROR, f"{AT}/{MODE}", client({**CIBA, MODE: "push"})),
    ("C-CIBA-MODE", ERROR, "/attributes/cibaBackchannelTokenDeliveryMode", both(
        client(CIBA), realm({"cibaBackchannelTokenDeliveryMode": "push"}))),
    ("C-CIBA-NOTIFY", ERROR, f"{AT}/{NOTIFY}", client({**CIBA, MODE: "ping"})),
    ("C-CIBA-NOTIFY", ERROR, f"{AT}/{NOTIFY}", client({**PING, NOTIFY: "http://app.bank.example/ping"})),
    ("C-CIBA-NOTIFY", ERROR, f"{AT}/{NOTIFY}", client({**PING, NOTIFY: "https://u:p@app.bank.example/"})),
    ("C-CIBA-NOTIFY", WARNING, f"{AT}/{NOTIFY}", client({**PING, NOTIFY: "http://127.0.0.1:9000/ping"})),
    ("C-CIBA-KEYS", ERROR, f"{AT}/{ALG}", client({**CIBA, ALG: "PS256"})),
    ("R-VALUE", ERROR, f"{AT}/{ALG}", client({**CIBA, ALG: "HS256"})),
    ("C-CIBA-PUBLIC", ERROR, f"{AT}/oidc.ciba.grant.enabled", client(CIBA, publicClient=True, secret=None)),
    ("R-PENDING", ERROR, "/attributes/cibaExpiresIn", realm({"cibaExpiresIn": "0"})),
    ("R-PENDING", ERROR, "/attributes/cibaInterval", realm({"cibaInterval": "often"})),
    ("R-PENDING", ERROR, "/attributes/oauth2DeviceCodeLifespan", realm({}, oauth2DeviceCodeLifespan=86400)),
    ("R-PENDING", ERROR, "/attributes/hyrja.cibaRequestsPerHour", realm({"hyrja.cibaRequestsPerHour": "0"})),
    ("R-VALUE", ERROR, f"/attributes/{HINT}", realm({HINT: "login_hint_token"})),
]  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "severity", "pointer", "change"), CASES, ids=lambda value: value if isinstance(value, str) else None
)
def test_what_is_wrong_is_found_at_its_place(rule: str, severity: Severity, pointer: str, change: Change) -> None:
    assert (rule, severity, pointer) in brief(findings(change))
    assert rule not in {finding.rule for finding in findings(lambda _document: None)}


@pytest.mark.parametrize(
    "change",
    [
        client(DEVICE),
        client(CIBA),
        client(PING),
        client({**CIBA, **KEYS, ALG: "ES256"}),
        client({**CIBA, ALG: "any"}),
        client({MODE: "push", NOTIFY: "x"}),  # without effect: the grant is off
        realm({"cibaAuthRequestedUserHint": "id_token_hint"}),
    ],
)
def test_what_is_right_is_no_finding(change: Change) -> None:
    assert brief(findings(change)) == brief(findings(lambda _document: None))


def test_nothing_is_on_for_a_client_that_says_nothing() -> None:
    found = loaded(demo()).realm.clients["internet-banking"]
    assert (found.device, found.backchannel) == (DeviceRules(), BackchannelRules())
    assert not found.device.enabled
    assert not found.backchannel.enabled


def test_a_client_is_read_as_keycloak_writes_it() -> None:
    attributes = {
        **DEVICE,
        **PING,
        **KEYS,
        ALG: "PS256",
        "oauth2.device.code.lifespan": "300",
        "oauth2.device.polling.interval": "7",
    }
    found = loaded(demo(client(attributes))).realm.clients["internet-banking"]
    assert found.device == DeviceRules(enabled=True, code_lifespan=300, polling_interval=7)
    assert found.backchannel == BackchannelRules(
        enabled=True, delivery="ping", notification_endpoint="https://app.bank.example/ping", algorithm="PS256"
    )


def test_what_a_client_leaves_out_is_the_realms() -> None:
    document = demo(
        both(
            client({**CIBA, NOTIFY: "https://app.bank.example/ping"}),
            realm({"cibaBackchannelTokenDeliveryMode": "ping", "cibaExpiresIn": "90", "cibaInterval": "3"}),
        )
    )
    found = loaded(document).realm
    assert found.clients["internet-banking"].backchannel.delivery == "ping"
    assert found.pending == PendingPolicy(backchannel_lifespan=90, backchannel_interval=3)


def test_a_key_at_the_top_wins_over_the_attribute_of_its_name() -> None:
    change = realm(
        {"oauth2DeviceCodeLifespan": "900", "oauth2DevicePollingInterval": "9", "hyrja.cibaRequestsPerHour": "77"},
        oauth2DeviceCodeLifespan=400,
    )
    assert loaded(demo(change)).realm.pending == PendingPolicy(
        device_lifespan=400, device_interval=9, requests_per_hour=77
    )
