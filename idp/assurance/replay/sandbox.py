"""A realm file → the same flows with customers and clients that do not exist: where a script may do what it likes.

Flows, required actions, policies and words stay as they are. Users become one synthetic customer for each kind that the
proof judges; clients become one for each way in which a flow is bound. Whatever leads outside is left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from idp.assurance.customers import Customer
from idp.model.flow_kind import FlowKind
from idp.model.user import OtpCredential, PasswordCredential
from idp.realms.acknowledgement import ATTRIBUTE, DECIDABLE

CLIENT = "sandbox"
CALLBACK = "http://127.0.0.1:9/callback"
"""Where codes are sent: nobody listens there, and a script reads the address instead of following it."""

_OUTSIDE = ("smtpServer", "identityProviders", "identityProviderMappers", "components", "clientPolicies")
_LEFT_OUT = {*_OUTSIDE, "clientProfiles", "clients", "users", "clientScopeMappings", "scopeMappings"}
_REPLAYABLE = (PasswordCredential, OtpCredential)
_FIRST_PASSWORD = "Fjalekalimi: {password}"  # noqa: S105 - the words around one, in the letters of GSM 03.38

_ACKNOWLEDGED = [
    {
        "rule": rule,
        "reason": "A sandbox shows what is weak: nobody's money is behind it.",
        "approvedBy": ["a proof", "its reader"],
        "date": "2026-01-01",
    }
    for rule in sorted(DECIDABLE)
]


class Held:
    """What a synthetic customer has in hand, and so an attacker who holds it."""

    def __init__(self, number: int) -> None:
        self.username = f"customer-{number:03}"
        self.password = f"Sandbox-{number:03}-password"
        self.seed = f"sandbox-seed-{number:03}-of-the-token"
        self.phone = f"+35569{2_000_000 + number}"
        self.email = f"{self.username}@customers.example"


def sandbox(document: Mapping[str, Any], customers: tuple[Customer, ...]) -> dict[str, Any]:
    """Return the realm file of a sandbox."""
    kept = {key: value for key, value in document.items() if key not in _LEFT_OUT}
    texts = document.get("localizationTexts") or {}
    locales = {"sq", "en", "it", *texts}
    return {
        **kept,
        "localizationTexts": {one: {**texts.get(one, {}), "firstPasswordSms": _FIRST_PASSWORD} for one in locales},
        "roles": {"realm": (document.get("roles") or {}).get("realm", [])},
        "defaultRole": None,
        "attributes": {**document.get("attributes", {}), ATTRIBUTE: json.dumps(_ACKNOWLEDGED)},
        "clients": list(_clients(document)),
        "users": [_user(number, one) for number, one in enumerate(customers) if replayable(one)],
    }


def replayable(customer: Customer) -> bool:
    """Tell whether a script can be this customer: a key that signs needs more than Python's own library."""
    return all(isinstance(credential, _REPLAYABLE) for credential in customer.user.credentials)


def client_for(document: Mapping[str, Any], kind: str, flow: str) -> str:
    """Return the client of the sandbox by which a flow is begun."""
    ids = {one.get("id", one["alias"]): one["alias"] for one in document.get("authenticationFlows", [])}
    override = FlowKind(kind).binding.override
    for number, client in enumerate(document.get("clients", [])):
        overrides = client.get("authenticationFlowBindingOverrides") or {}
        if any(ids.get(own, own) == flow for key, own in overrides.items() if key == override):
            return f"{CLIENT}-{number}"
    return CLIENT


def _clients(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    yield _client(CLIENT, {})
    for number, client in enumerate(document.get("clients", [])):
        overrides = client.get("authenticationFlowBindingOverrides") or {}
        if overrides:
            yield _client(f"{CLIENT}-{number}", overrides)


def _client(client_id: str, overrides: Mapping[str, str]) -> dict[str, Any]:
    return {
        "clientId": client_id,
        "enabled": True,
        "publicClient": True,
        "standardFlowEnabled": True,
        "directAccessGrantsEnabled": False,
        "fullScopeAllowed": False,
        "redirectUris": [CALLBACK],
        "attributes": {"pkce.code.challenge.method": "S256"},
        "authenticationFlowBindingOverrides": dict(overrides),
    }


def _user(number: int, customer: Customer) -> dict[str, Any]:
    held = Held(number)
    return {
        "username": held.username,
        "enabled": True,
        "firstName": "Customer",
        "lastName": str(number),
        "email": held.email,
        "emailVerified": True,
        "attributes": {"phoneNumber": [held.phone]} if customer.user.phone else {},
        "credentials": list(_credentials(customer, held)),
        "requiredActions": list(customer.user.required_actions),
    }


def _credentials(customer: Customer, held: Held) -> Iterator[dict[str, Any]]:
    password = customer.user.password
    if customer.delivered_by is not None:
        yield {"type": "password", "temporary": True, "credentialData": json.dumps({"deliver": "sms"})}
    elif password is not None:
        yield {"type": "password", "temporary": password.temporary, "value": held.password}
    if customer.user.otps:
        described = {"subType": "totp", "digits": 6, "period": 30, "algorithm": "HmacSHA1"}
        yield {
            "type": "otp",
            "credentialData": json.dumps(described),
            "secretData": json.dumps({"value": held.seed}),
        }
