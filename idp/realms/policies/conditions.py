"""The conditions of client policies: to which clients does a policy apply.

Keycloak asks at each event; here a client's rules are compiled once, before it is used. So a condition about one
request (a scope, a grant, an acr) is decided by whether the client *could* make such a request: never more loosely
than Keycloak, sometimes more strictly. A condition about who changes a client abstains when nobody does.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from enum import Enum
from typing import Literal

from idp.model.clients.policy import ClientPolicy, PolicyPart
from idp.model.struct import Frozen
from idp.realms.policies.configuration import Configuration
from idp.realms.representation import realm as file

UpdaterContext = Literal["ByAuthenticatedUser", "ByAnonymous", "ByInitialAccessToken", "ByRegistrationAccessToken"]
"""Keycloak's words for the way in which a client is made or changed."""


class Change(Frozen, frozen=True, kw_only=True):
    """A registration or an update: by whom, and from which network address."""

    context: UpdaterContext
    address: str | None = None


class Subject(Frozen, frozen=True, kw_only=True):
    """The client that is judged; `roles` are its own, `change` is what is being done to it, if anything."""

    client: file.Client
    roles: frozenset[str] = frozenset()
    default_scopes: frozenset[str] = frozenset()
    optional_scopes: frozenset[str] = frozenset()
    change: Change | None = None


class Vote(Enum):
    """What a condition says of a client."""

    YES = "yes"
    NO = "no"
    ABSTAIN = "abstain"


def applies(policy: ClientPolicy, subject: Subject) -> bool:
    """Tell whether a policy is about a client. One without conditions is about none (Keycloak)."""
    votes = [_vote(condition, subject) for condition in policy.conditions]
    if policy.mode == "STRICT":
        return bool(votes) and all(vote is Vote.YES for vote in votes)
    return Vote.YES in votes and Vote.NO not in votes


def _vote(condition: PolicyPart, subject: Subject) -> Vote:
    decide = CONDITIONS.get(condition.name)
    if decide is None:
        # A rule that is not understood must not silently free a client from the rules.
        return Vote.YES
    configuration = Configuration(condition.configuration)
    vote = decide(subject, configuration)
    if vote is Vote.ABSTAIN or not configuration.flag("is-negative-logic"):
        return vote
    if condition.name in ABOUT_A_REQUEST:
        return Vote.YES  # a client that may ask for a scope may also leave it out
    return Vote.NO if vote is Vote.YES else Vote.YES


def _yes_if(answer: bool) -> Vote:  # noqa: FBT001 - the answer itself
    return Vote.YES if answer else Vote.NO


def _any_client(_subject: Subject, _configuration: Configuration) -> Vote:
    return Vote.YES


def _access_type(subject: Subject, configuration: Configuration) -> Vote:
    client = subject.client
    kind = "public" if client.public_client else "bearer-only" if client.bearer_only else "confidential"
    return _yes_if(kind in configuration.words("type"))


def _attributes(subject: Subject, configuration: Configuration) -> Vote:
    wanted = configuration.table("attributes")
    if not wanted:
        return Vote.NO
    return _yes_if(all(subject.client.attributes.get(key) == value for key, value in wanted))


def _roles(subject: Subject, configuration: Configuration) -> Vote:
    return _yes_if(not subject.roles.isdisjoint(configuration.words("roles")))


def _scopes(subject: Subject, configuration: Configuration) -> Vote:
    default, optional = subject.default_scopes, subject.optional_scopes
    kind = configuration.text("type", default="Optional").lower()
    own = {"default": default, "optional": optional}.get(kind, default | optional)
    return _yes_if(not own.isdisjoint(configuration.words("scopes")))


def _protocol(subject: Subject, configuration: Configuration) -> Vote:
    return _yes_if(subject.client.protocol == configuration.text("protocol"))


def _client_ids(subject: Subject, configuration: Configuration) -> Vote:
    return _yes_if(subject.client.client_id in configuration.words("clients"))


def _grants(subject: Subject, configuration: Configuration) -> Vote:
    client = subject.client
    switches = {
        "authorization_code": client.standard_flow_enabled,
        "implicit": client.implicit_flow_enabled,
        "password": client.direct_access_grants_enabled,
        "client_credentials": client.service_accounts_enabled,
        "urn:ietf:params:oauth:grant-type:device_code": _on(client, "oauth2.device.authorization.grant.enabled"),
        "urn:openid:params:grant-type:ciba": _on(client, "oidc.ciba.grant.enabled"),
        "urn:ietf:params:oauth:grant-type:token-exchange": _on(client, "standard.token.exchange.enabled"),
        "urn:ietf:params:oauth:grant-type:jwt-bearer": _on(client, "oauth2.jwt.authorization.grant.enabled"),
    }
    return _yes_if(any(switches.get(grant, True) for grant in configuration.words("grant_types")))


def _on(client: file.Client, attribute: str) -> bool:
    return client.attributes.get(attribute) == "true"


def _acr(_subject: Subject, _configuration: Configuration) -> Vote:
    # Any client may ask for any acr.
    return Vote.YES


def _updater_context(subject: Subject, configuration: Configuration) -> Vote:
    if subject.change is None:
        return Vote.ABSTAIN
    return _yes_if(subject.change.context in configuration.words("update-client-source"))


def _updater_hosts(subject: Subject, configuration: Configuration) -> Vote:
    if subject.change is None:
        return Vote.ABSTAIN
    trusted = configuration.words("trusted-hosts")
    return _yes_if(subject.change.address is not None and _same_host(subject.change.address, trusted))


def _same_host(address: str, trusted: tuple[str, ...]) -> bool:
    """Tell whether an address is among the hosts; names are not asked of the DNS, which an attacker may answer."""
    try:
        given = ipaddress.ip_address(address)
    except ValueError:
        return False
    for host in trusted:
        try:
            if given == ipaddress.ip_address(host):
                return True
        except ValueError:
            continue
    return False


def _updater_person(subject: Subject, _configuration: Configuration) -> Vote:
    # About the role or group of the person who changes a client: a registration is made by no person.
    return Vote.ABSTAIN if subject.change is None else Vote.NO


CONDITIONS: dict[str, Callable[[Subject, Configuration], Vote]] = {
    "any-client": _any_client,
    "client-access-type": _access_type,
    "client-attributes": _attributes,
    "client-roles": _roles,
    "client-scopes": _scopes,
    "client-type": _protocol,
    "clients": _client_ids,
    "grant-type": _grants,
    "acr-condition": _acr,
    "client-updater-context": _updater_context,
    "client-updater-source-host": _updater_hosts,
    "client-updater-source-groups": _updater_person,
    "client-updater-source-roles": _updater_person,
}
ABOUT_A_REQUEST = frozenset({"client-scopes", "grant-type", "acr-condition"})
"""Conditions that Keycloak asks of each request, and that are decided here for the client as a whole."""
