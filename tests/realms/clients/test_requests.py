"""What a client registers about its requests, in realm files: Keycloak's attributes, and each way to get them wrong."""

from __future__ import annotations

import json
from typing import Any

import pytest
from joserfc.jwk import ECKey

from idp.model.client import Client
from idp.model.clients.request_object import RequestObjectRules
from idp.model.finding import Severity
from tests.realms.documents import Change, brief, demo, findings, loaded

ERROR, WARNING = Severity.ERROR, Severity.WARNING
AT = "/clients/0/attributes"
TYPES = "hyrja.authorizationDetailsTypes"
JWKS = json.dumps({"keys": [ECKey.generate_key("P-256", {"kid": "a"}).as_dict(private=False)]})
KEYS = {"use.jwks.string": "true", "jwks.string": JWKS}
ALG, DEMAND, URIS = "request.object.signature.alg", "request.object.required", "request.uris"
ENC_ALG, ENC = "request.object.encryption.alg", "request.object.encryption.enc"
RESOURCES, DETAILS, ACR = "hyrja.resources", "authorization.details.types", "minimum.acr.value"


def client(attributes: dict[str, str] | None = None, **changed: Any) -> Change:
    def change(document: dict[str, Any]) -> None:
        found = document["clients"][0]
        found["attributes"] = {"pkce.code.challenge.method": "S256"} | (attributes or {})
        found.update(changed)

    return change


def realm(**attributes: str) -> Change:
    return lambda document: document["attributes"].update(attributes)


def types(schemas: Any) -> Change:
    return realm(**{TYPES: schemas if isinstance(schemas, str) else json.dumps(schemas)})


def both(*changes: Change) -> Change:
    def change(document: dict[str, Any]) -> None:
        for one in changes:
            one(document)

    return change


OF_TYPES = f"/attributes/{TYPES}"
CASES = [
    ("R-VALUE", ERROR, f"{AT}/{ALG}", client({ALG: "RS512"}), client({ALG: "PS256"})),
    ("R-VALUE", ERROR, f"{AT}/{DEMAND}", client({DEMAND: "request_or_request_uri"}), client({DEMAND: "not required"})),
    ("R-VALUE", ERROR, f"{AT}/{ENC_ALG}", client({ENC_ALG: "RSA1_5"}), client({ENC_ALG: "RSA-OAEP"})),
    ("R-VALUE", ERROR, f"{AT}/{ENC}", client({ENC: "A192GCM"}), client({ENC: "A256GCM"})),
    ("C-REQUEST-UNSIGNED", WARNING, f"{AT}/{ALG}", client({ALG: "none"}), client({ALG: ""})),
    ("C-REQUEST-UNSIGNED", WARNING, f"{AT}/{ALG}", client({ALG: "any"}), client({ALG: "ES256"})),
    (
        "C-REQUEST-KEYS",
        ERROR,
        f"{AT}/{DEMAND}",
        client({DEMAND: "request only"}),
        client({DEMAND: "request only"} | KEYS),
    ),
    (
        "C-REQUEST-KEYS",
        ERROR,
        f"{AT}/{ALG}",
        client({ALG: "HS256"}, secret="s" * 31),
        client({ALG: "HS256"}, secret="s" * 32),
    ),
    (
        "C-REQUEST-KEYS",
        ERROR,
        f"{AT}/{ALG}",
        client({ALG: "HS256"}, secret=None, publicClient=True),
        client({ALG: "ES256"}, secret=None, publicClient=True),
    ),
    (
        "C-REQUEST-URI",
        ERROR,
        f"{AT}/{URIS}",
        client({URIS: "https://a.example/r##http://a.example/r"}),
        client({URIS: "https://a.example/r##https://a.example/s#hash"}),
    ),
    (
        "C-REQUEST-URI",
        ERROR,
        f"{AT}/{URIS}",
        client({URIS: "https://a.example/*"}),
        client({URIS: "https://a.example/"}),
    ),
    ("C-REQUEST-URI", ERROR, f"{AT}/{URIS}", client({URIS: "https://[::1"}), client()),
    ("C-REQUEST-URI", ERROR, f"{AT}/{URIS}", client({URIS: "https://u@a.example/"}), client()),
    ("C-REQUEST-URI", WARNING, f"{AT}/{URIS}", client({URIS: "http://localhost/r"}), client()),
    (
        "C-RESOURCE",
        ERROR,
        f"{AT}/{RESOURCES}",
        client({RESOURCES: "payments"}),
        client({RESOURCES: "urn:bank:payments"}),
    ),
    ("C-RESOURCE", ERROR, f"{AT}/{RESOURCES}", client({RESOURCES: "https://a.example/#x"}), client()),
    (
        "C-DETAILS",
        WARNING,
        f"{AT}/{DETAILS}",
        client({DETAILS: "payment,loan"}),
        both(client({DETAILS: "payment, loan"}), types({"payment": {}, "loan": {}})),
    ),
    ("C-ACR", ERROR, f"{AT}/{ACR}", client({ACR: "gold"}), client({ACR: "mfa-otp"})),
    ("C-ACR", ERROR, f"{AT}/{ACR}", client({ACR: "3"}), client({ACR: "2"})),
    (
        "L-PUSHED",
        WARNING,
        "/attributes/parRequestUriLifespan",
        realm(parRequestUriLifespan="600"),
        realm(parRequestUriLifespan="599"),
    ),
    (
        "C-ATTRIBUTE",
        ERROR,
        "/attributes/parRequestUriLifespan",
        realm(parRequestUriLifespan="a minute"),
        realm(parRequestUriLifespan=""),
    ),
    ("R-DETAILS", ERROR, OF_TYPES, types("{"), types("")),
    ("R-DETAILS", ERROR, OF_TYPES, types([]), types({})),
    ("R-DETAILS", ERROR, OF_TYPES, types({"payment": True}), types({"payment": {}})),
    ("R-DETAILS", ERROR, OF_TYPES, types({"": {}}), types({"payment": {"type": "object"}})),
    ("R-DETAILS", ERROR, OF_TYPES, types({"p": {"type": "thing"}}), types({"p": {"properties": {"a": {}}}})),
    (
        "R-DETAILS",
        ERROR,
        OF_TYPES,
        types({"p": {"properties": {"a": {"pattern": "("}}}}),
        types({"p": {"allOf": [{}]}}),
    ),
    (
        "R-DETAILS",
        ERROR,
        OF_TYPES,
        types({"p": {"properties": {"a": {"$ref": "#/$defs/b"}}}}),
        types({"p": {"properties": {"a": {"$ref": "#/$defs/b"}}, "$defs": {"b": {"type": "string"}}}}),
    ),
    ("R-DETAILS", ERROR, OF_TYPES, types({"p": {"$ref": "https://evil.example/schema"}}), types({"p": {"$defs": {}}})),
]


@pytest.mark.parametrize(
    ("rule", "severity", "pointer", "defective", "good"), CASES, ids=[f"{n} {case[0]}" for n, case in enumerate(CASES)]
)
def test_a_rule_finds_its_defect_and_nothing_in_the_good_twin(
    rule: str, severity: Severity, pointer: str, defective: Change, good: Change
) -> None:
    assert (rule, severity, pointer) in brief(findings(defective))
    assert findings(good) == []


def read(change: Change) -> Client:
    return loaded(demo(change)).realm.clients["internet-banking"]


def test_a_client_that_registers_nothing_signs_its_objects_and_need_not_send_any() -> None:
    found = read(client())
    assert found.request_objects == RequestObjectRules()
    assert "none" not in found.request_objects.algorithms
    assert (found.pushed_requests_required, found.resources, found.authorization_details_types) == (False, (), ())
    assert read(client({ALG: "", ENC_ALG: "any", ENC: "any", DEMAND: ""})).request_objects == RequestObjectRules()


def test_any_signature_means_none_too_unless_an_object_is_demanded() -> None:
    free, held = (read(client({**KEYS, ALG: "any", DEMAND: demand})) for demand in ("", "request only"))
    assert free.request_objects.algorithms == (*RequestObjectRules().algorithms, "none")
    assert held.request_objects.algorithms == RequestObjectRules().algorithms


def test_keycloaks_attributes_are_read() -> None:
    attributes = {
        **KEYS,
        ALG: "PS256",
        DEMAND: "request or request_uri",
        ENC_ALG: "RSA-OAEP-256",
        ENC: "A256GCM",
        URIS: "https://a.example/r##https://a.example/s",
        RESOURCES: "https://api.example/##urn:bank:api",
        DETAILS: "payment, account",
        ACR: "mfa-otp",
        "require.pushed.authorization.requests": "true",
    }
    found = read(client(attributes))
    assert found.request_objects == RequestObjectRules(
        algorithms=("PS256",),
        demand="request or request_uri",
        encryption="RSA-OAEP-256",
        content_encryption="A256GCM",
        uris=("https://a.example/r", "https://a.example/s"),
    )
    assert found.pushed_requests_required
    assert found.resources == ("https://api.example/", "urn:bank:api")
    assert found.authorization_details_types == ("payment", "account")
    assert found.minimum_acr == "mfa-otp"


def test_a_demand_that_cannot_be_read_is_a_demand() -> None:
    assert read(client({DEMAND: "always"})).request_objects.is_demanded


def test_the_life_of_pushed_requests_is_keycloaks_attribute() -> None:
    assert loaded(demo()).realm.lifespans.pushed_request == 60
    assert loaded(demo(realm(parRequestUriLifespan="5"))).realm.lifespans.pushed_request == 5
