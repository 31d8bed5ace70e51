"""Clients of a realm file → model: one function for a client, and its attributes read with one meaning each."""

from __future__ import annotations

from collections.abc import Callable
from typing import get_args
from urllib.parse import urlsplit

import msgspec

from idp.model.client import Client, SigningAlgorithm
from idp.model.finding import Finding
from idp.model.flow_kind import BINDINGS
from idp.model.secret import Secret
from idp.realms.clients import requests
from idp.realms.clients.certificates import certificate_rules
from idp.realms.clients.display import client_display
from idp.realms.clients.keys import SECRETLESS, assertion_rules, authenticator, key_source, secret_method
from idp.realms.clients.logout import logout_channels
from idp.realms.clients.pending import backchannel_rules, device_rules
from idp.realms.clients.protection import (
    authorization_response_protection,
    id_token_protection,
    introspection_protection,
    userinfo_protection,
)
from idp.realms.clients.response_types import response_types
from idp.realms.clients.sender import sender_rules
from idp.realms.clients.subject import pairwise_of
from idp.realms.files.placeholders import Surroundings
from idp.realms.files.secrets import secret_of
from idp.realms.representation import realm as file
from idp.realms.tokens.acr import acr_levels
from idp.realms.topics.assertion_issuers import allowed_issuers
from idp.realms.values import choice, error, listed, seconds


def client_of(
    found: file.Realm,
    client: file.Client,
    position: int,
    surroundings: Surroundings,
    findings: list[Finding],
) -> Client:
    """Return the client at a position of the file; what cannot be understood is a finding and gets a safe value."""
    pointer = f"/clients/{position}"
    if client.protocol != "openid-connect":
        findings = []  # its attributes are of the other protocol, and it is not served
    attributes = client.attributes
    addresses = tuple(surroundings.absolute(client.root_url, uri) for uri in client.redirect_uris)
    return Client(
        client_id=client.client_id,
        name=client.name,
        display=client_display(client),
        enabled=client.enabled and client.protocol == "openid-connect" and not client.bearer_only,
        public=client.public_client,
        authentication=authenticator(client, pointer, findings),
        secret_method=secret_method(client, pointer, findings),
        assertion=assertion_rules(found, client, pointer, findings),
        keys=key_source(client, pointer, findings),
        sender=sender_rules(found, client),
        certificate=certificate_rules(client),
        service_account=client.service_accounts_enabled and not client.public_client,
        token_exchange=attributes.get("standard.token.exchange.enabled") == "true" and not client.public_client,
        password_grant=client.direct_access_grants_enabled,
        assertion_issuers=allowed_issuers(client),
        secret=_secret(found.realm, client, f"{pointer}/secret", surroundings.vault, findings),
        redirect_uris=addresses,
        post_logout_redirect_uris=_post_logout(client, addresses, surroundings),
        web_origins=_web_origins(client, addresses),
        base_url=surroundings.absolute(client.root_url, client.base_url or client.root_url),
        standard_flow=client.standard_flow_enabled,
        implicit_flow=client.implicit_flow_enabled,
        response_types=response_types(client),
        detached_signature=attributes.get("id.token.as.detached.signature") == "true",
        default_max_age=seconds(attributes, "default.max.age", pointer, findings),
        consent_required=client.consent_required,
        # RFC 9700 §2.1.1: public clients must use PKCE; others where the file says so.
        pkce_required=client.public_client or attributes.get("pkce.code.challenge.method") == "S256",
        pushed_requests_required=attributes.get("require.pushed.authorization.requests") == "true",
        request_objects=requests.request_object_rules(client, pointer, findings),
        resources=requests.resources(client),
        authorization_details_types=requests.details_types(client),
        acr_levels=acr_levels(attributes, pointer, findings),
        minimum_acr=attributes.get("minimum.acr.value", ""),
        use_refresh_tokens=attributes.get("use.refresh.tokens", "true") == "true",
        pairwise=pairwise_of(client, pointer, findings),
        id_token=id_token_protection(attributes, pointer, findings),
        userinfo=userinfo_protection(attributes, pointer, findings),
        introspection=introspection_protection(attributes, pointer, findings),
        authorization_response=authorization_response_protection(attributes, pointer, findings),
        access_token_algorithm=choice(
            attributes, "access.token.signed.response.alg", get_args(SigningAlgorithm), pointer, findings
        ),
        access_token_lifespan=seconds(attributes, "access.token.lifespan", pointer, findings),
        default_acr_values=listed(attributes.get("default.acr.values", "")),
        flow_bindings=_overrides(found, client),
        device=device_rules(client, pointer, findings),
        backchannel=backchannel_rules(found, client, pointer, findings),
        logout=logout_channels(client),
    )


def _secret(
    realm: str,
    client: file.Client,
    pointer: str,
    vault: Callable[[str, str], str | None],
    findings: list[Finding],
) -> Secret | None:
    # One who proves a key needs no secret; exports have one for it all the same, often masked.
    if client.public_client or client.secret is None or client.client_authenticator_type in SECRETLESS:
        return None
    secret = secret_of(realm, client.secret, vault)
    if isinstance(secret, Secret):
        return secret
    rule = "C-SECRET" if secret.masked else "C-VAULT"
    findings.append(error(rule, pointer, secret.problem, secret.repair))
    return None


def _post_logout(client: file.Client, addresses: tuple[str, ...], surroundings: Surroundings) -> tuple[str, ...]:
    uris: list[str] = []
    for part in listed(client.attributes.get("post.logout.redirect.uris", "")):
        if part == "+":
            uris.extend(addresses)
        elif part != "-":
            uris.append(surroundings.absolute(client.root_url, part))
    return tuple(uris)


def _web_origins(client: file.Client, addresses: tuple[str, ...]) -> tuple[str, ...]:
    """Return exact origins; `+` means those of the redirect addresses, `*` is not honoured (clients.md 1)."""
    origins: list[str] = []
    for origin in client.web_origins:
        if origin == "+":
            origins.extend(_origin(address) for address in addresses)
        elif origin != "*":
            origins.append(origin.rstrip("/"))
    return tuple(dict.fromkeys(origin for origin in origins if origin))


def _origin(uri: str) -> str:
    try:
        parts = urlsplit(uri)
    except ValueError:
        return ""  # no address at all; the rule about redirect addresses says so
    return f"{parts.scheme}://{parts.netloc}" if parts.scheme in {"http", "https"} else ""


def _overrides(found: file.Realm, client: file.Client) -> dict[str, str]:
    """Return flow aliases for the flow *ids* that Keycloak keeps here; an unknown id stays, as a finding."""
    aliases = {flow.id: flow.alias for flow in found.authentication_flows if flow.id}
    given = client.authentication_flow_binding_overrides
    return {
        kind.value: aliases.get(given[binding.override], given[binding.override])
        for kind, binding in BINDINGS.items()
        if given.get(binding.override) and (not binding.client_switch or has_switch(client, binding.client_switch))
    }


def has_switch(client: file.Client, key: str) -> bool:
    """Tell whether a switch of a client is on, by its key in the file."""
    return any(field.encode_name == key and getattr(client, field.name) for field in msgspec.structs.fields(client))
