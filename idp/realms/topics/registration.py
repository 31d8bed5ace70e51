"""Who may register clients: Keycloak's client registration policies (`components`) and our attributes → rules."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

from idp.model.clients.registration import AN_HOUR, CAUTIOUS, MOST_CLIENTS, RegistrationRules, Restrictions
from idp.model.finding import Finding
from idp.model.realm import Realm
from idp.realms.effects import COMPONENTS, DIRECTORIES
from idp.realms.files import reading
from idp.realms.representation import realm as file
from idp.realms.values import error, warning

POLICIES = "org.keycloak.services.clientregistration.policy.ClientRegistrationPolicy"
OPEN = "hyrja.openClientRegistration"
AN_HOUR_ATTRIBUTE = "hyrja.clientRegistrationsPerHour"
_READ_ELSEWHERE = frozenset({"org.keycloak.userprofile.UserProfileProvider"})
_MOST = 1_000_000
_WHOLE_NUMBER = re.compile(r"[0-9]{1,7}")
_HOST = re.compile(r"(?:\*\.)?[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?")


class Component(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """An entry of `components`; only client registration policies have a meaning here."""

    provider_id: str
    id: str | None = None
    name: str = ""
    sub_type: str = ""
    config: dict[str, tuple[str, ...]] = {}
    sub_components: dict[str, Any] = {}


class _Policy:
    """One policy being read."""

    def __init__(self, component: Component, pointer: str, findings: list[Finding]) -> None:
        self._config = component.config
        self._pointer = pointer
        self._findings = findings

    def values(self, key: str) -> tuple[str, ...]:
        return tuple(filter(None, self._config.get(key, ())))

    def flag(self, key: str, *, default: bool) -> bool:
        values = self.values(key)
        return values[0] == "true" if values else default

    def number(self, key: str, default: int) -> int:
        values = self.values(key)
        if not values or (_WHOLE_NUMBER.fullmatch(values[0]) and int(values[0]) <= _MOST):
            return int(values[0]) if values else default
        self.wrong(key, f"{key} is not a number from 0 to {_MOST}.", f"Write {default}.")
        return default

    def hosts(self, key: str) -> tuple[str, ...]:
        found = []
        for host in self.values(key):
            if _network(host) is None and not _HOST.fullmatch(host):
                self.wrong(key, f"“{host}” is neither a host name nor an address.", "Write the name alone.")
            else:
                found.append(host.lower())
        return tuple(found)

    def wrong(self, key: str, problem: str, repair: str) -> None:
        self._findings.append(error("R-REGISTRATION", f"{self._pointer}/config/{key}", problem, repair))


def _trusted_hosts(policy: _Policy) -> dict[str, Any]:
    hosts = policy.hosts("trusted-hosts")
    sender = policy.flag("host-sending-registration-request-must-match", default=True)
    if sender and hosts and not any(map(_network, hosts)):
        problem = "A sender is known by its network address; host names are not looked up here."
        policy.wrong("trusted-hosts", problem, "Add the addresses or networks that registrations come from.")
    return {
        "trusted_hosts": hosts,
        "from_trusted_host": sender,
        "addresses_at_trusted_hosts": policy.flag("client-uris-must-match", default=True),
    }


_READ: Mapping[str, Callable[[_Policy], dict[str, Any]]] = {
    "trusted-hosts": _trusted_hosts,
    "max-clients": lambda policy: {"most_clients": policy.number("max-clients", MOST_CLIENTS)},
    "consent-required": lambda _: {"consent_required": True},
    "scope": lambda _: {"full_scope": False},
    "client-disabled": lambda _: {"enabled": False},
    "allowed-client-templates": lambda policy: {
        "scopes": frozenset(policy.values("allowed-client-scopes")),
        "default_scopes": policy.flag("allow-default-scopes", default=True),
    },
    "allowed-protocol-mappers": lambda policy: {"mappers": frozenset(policy.values("allowed-protocol-mapper-types"))},
}


def registration_rules(found: file.Realm, findings: list[Finding]) -> RegistrationRules:
    """Return who may register with the realm; what cannot be understood is a finding and admits nobody."""
    policies = list(_policies(found, findings))
    return RegistrationRules(
        open=found.attributes.get(OPEN) == "true",
        an_hour=_an_hour(found, findings),
        anonymous=_restrictions("anonymous", policies, findings),
        authenticated=_restrictions("authenticated", policies, findings),
    )


def registration_findings(realm: Realm) -> Iterator[Finding]:
    """Yield what is unwise about who may register."""
    rules = realm.registration
    if not rules.open:
        return
    if not realm.client_policies:
        problem = "Anybody may register a client, and no client policy says what such a client must be like."
        repair = "Write a policy with the condition client-updater-context, ByAnonymous."
        yield warning("R-REGISTRATION-POLICY", "/clientPolicies", problem, repair)
    place = f"/attributes/{OPEN}"
    problem = "Anybody may register a client with this realm (RFC 7591 §5); for examinations only."
    yield warning("R-REGISTRATION-OPEN", place, problem, "Set false, and hand out initial access tokens.")
    if not rules.anonymous.consent_required:
        problem = "Clients of strangers get codes of whoever is logged in, without asking (RFC 9700 §4.11)."
        yield warning("R-REGISTRATION-CONSENT", place, problem, "Add the anonymous policy consent-required.")


def _policies(found: file.Realm, findings: list[Finding]) -> Iterator[tuple[Component, str]]:
    for kind, components in found.components.items():
        pointer = f"/components/{reading.escaped(kind)}"
        if kind != POLICIES:
            if components and kind not in _READ_ELSEWHERE:
                findings.append(_component(kind, pointer))
            continue
        if not isinstance(components, list):
            findings.append(error("R-SHAPE", pointer, "A list is expected here.", "Write [ … ]."))
            continue
        for position, component in enumerate(components):
            place = f"{pointer}/{position}"
            read = reading.read(component, Component, findings, place)
            if read is not None:
                yield read, place


def _component(kind: str, pointer: str) -> Finding:
    problem = f"Components of the type “{kind.rpartition('.')[2]}” are not honoured here."
    if kind in DIRECTORIES:
        repair = "Import them as users who set a password, or leave them at the old server."
        return warning("R-DIRECTORY", pointer, f"{problem} {COMPONENTS[kind]}", repair)
    told = COMPONENTS.get(kind, "Nothing needs to be done, unless you rely on it.")
    return warning("R-UNKNOWN-KEY", pointer, problem, told)


def _restrictions(kind: str, policies: list[tuple[Component, str]], findings: list[Finding]) -> Restrictions:
    """Return what the policies of one kind add up to; without any, what is cautious."""
    of_kind = [(component, place) for component, place in policies if component.sub_type == kind]
    if not of_kind:
        return CAUTIOUS
    restrictions = Restrictions()
    for component, place in of_kind:
        read = _READ.get(component.provider_id)
        if read is None:
            problem = f"There is no client registration policy “{component.provider_id}” here."
            findings.append(
                error("R-REGISTRATION", f"{place}/providerId", problem, f"Use one of: {', '.join(sorted(_READ))}.")
            )
            continue
        restrictions = msgspec.structs.replace(restrictions, **read(_Policy(component, place, findings)))
    return restrictions


def _an_hour(found: file.Realm, findings: list[Finding]) -> int:
    text = found.attributes.get(AN_HOUR_ATTRIBUTE, "")
    if not text:
        return AN_HOUR
    if _WHOLE_NUMBER.fullmatch(text):
        return int(text)
    problem = f"“{text}” is not a number of registrations."
    findings.append(error("R-REGISTRATION", f"/attributes/{AN_HOUR_ATTRIBUTE}", problem, f"Write {AN_HOUR}."))
    return AN_HOUR


def _network(host: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(host)
    except ValueError:
        return None
