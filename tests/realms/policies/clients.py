"""Clients of realm files for the tests of this folder: one that keeps every profile but for what a test changes."""

from __future__ import annotations

from typing import Any

import msgspec

from idp.model.clients.policy import ClientPolicy, PolicyPart
from idp.realms.policies.built_in import BUILT_IN_PROFILES
from idp.realms.policies.conditions import Subject
from idp.realms.policies.configuration import Configuration
from idp.realms.policies.executor import Violation
from idp.realms.policies.executors import EXECUTORS
from idp.realms.policies.governing import Governed, governed
from idp.realms.representation import realm as file

ANY = PolicyPart(name="any-client")
BANKING = file.Client(
    client_id="banking",
    client_authenticator_type="client-jwt",
    redirect_uris=("https://app.bank.al/callback",),
    consent_required=True,
    full_scope_allowed=False,
    attributes={"id.token.signed.response.alg": "ES256", "request.object.signature.alg": "PS256"},
)


def banking(attributes: dict[str, str] | None = None, **changed: Any) -> file.Client:
    return msgspec.structs.replace(BANKING, attributes={**BANKING.attributes, **(attributes or {})}, **changed)


def under(client: file.Client, *profiles: str) -> Governed:
    """Return the client under built-in profiles."""
    executors = tuple(executor for name in profiles for executor in BUILT_IN_PROFILES[name])
    policy = ClientPolicy(name="the policy", conditions=(ANY,), executors=executors)
    return governed([policy], Subject(client=client))


def judged(client: file.Client, executor: str, **configuration: Any) -> list[Violation]:
    """Return what one executor finds wrong with the client, as it stands."""
    settings = {name.replace("_", "-"): value for name, value in configuration.items()}
    return list(EXECUTORS[executor].violations(client, Configuration(settings)))


def places(violations: list[Violation] | tuple[Violation, ...]) -> list[str]:
    return [violation.place for violation in violations]
