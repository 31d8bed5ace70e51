"""Policies and a client's representation → the client as the policies want it, its rules, and what they refuse."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec.structs import replace

from idp.model.claims.built_in_scopes import DEFAULT_SCOPES, OPTIONAL_SCOPES
from idp.model.clients.policy import ClientPolicy, PolicyPart
from idp.model.clients.rules import NO_RULES, ClientRules
from idp.model.finding import Finding
from idp.model.struct import Frozen
from idp.realms.policies.conditions import Subject, applies
from idp.realms.policies.configuration import Configuration
from idp.realms.policies.executor import Violation
from idp.realms.policies.executors import EXECUTORS
from idp.realms.representation import realm as file
from idp.realms.values import error, warning


class Governed(Frozen, frozen=True, kw_only=True):
    """A client under its policies. With violations it must not be registered, and its realm does not start."""

    client: file.Client
    rules: ClientRules = NO_RULES
    violations: tuple[Violation, ...] = ()


def governed(policies: Iterable[ClientPolicy], subject: Subject) -> Governed:
    """Return what the policies that apply make of a client.

    First all of them configure it, then all of them judge it: the order of two policies does not matter. Which apply
    is decided on the client as it was given, so that no policy can free a client from another.
    """
    applying = [policy for policy in policies if applies(policy, subject)]
    if not applying:
        return Governed(client=subject.client)
    executors = [executor for policy in applying for executor in policy.executors]
    client, rules = subject.client, replace(NO_RULES, policies=tuple(policy.name for policy in applying))
    for part in executors:
        client = EXECUTORS[part.name].configured(client, Configuration(part.configuration))
        rules = EXECUTORS[part.name].demanded(rules, Configuration(part.configuration))
    return Governed(client=client, rules=rules, violations=tuple(dict.fromkeys(_violations(client, executors))))


def _violations(client: file.Client, executors: list[PolicyPart]) -> Iterator[Violation]:
    for part in executors:
        yield from EXECUTORS[part.name].violations(client, Configuration(part.configuration))


def governed_of_file(
    found: file.Realm, policies: tuple[ClientPolicy, ...], findings: list[Finding]
) -> tuple[file.Realm, dict[str, ClientRules]]:
    """Return the file with its clients as the policies want them, and the rules of each client by its id.

    A violation by a client that is switched on is an error.
    """
    if not policies:
        return found, {}
    clients: list[file.Client] = []
    rules: dict[str, ClientRules] = {}
    for position, client in enumerate(found.clients):
        result = governed(policies, subject_of(found, client))
        clients.append(result.client)
        rules[client.client_id] = result.rules
        if client.enabled and client.protocol == "openid-connect":
            findings.extend(_findings(client, result, f"/clients/{position}"))
    findings.extend(_idle(found, policies, rules))
    return replace(found, clients=tuple(clients)), rules


def subject_of(found: file.Realm, client: file.Client) -> Subject:
    """Return a client of a file as the conditions see it: with its own roles and the scopes it gets by default."""
    default, optional = client.default_client_scopes, client.optional_client_scopes
    if default is None and optional is None:
        default, optional = found.default_default_client_scopes, found.default_optional_client_scopes
        default, optional = _or(default, DEFAULT_SCOPES), _or(optional, OPTIONAL_SCOPES)
    return Subject(
        client=client,
        roles=frozenset(role.name for role in found.roles.client.get(client.client_id, ())),
        default_scopes=frozenset(default or ()),
        optional_scopes=frozenset(optional or ()),
    )


def _or(scopes: tuple[str, ...] | None, otherwise: tuple[str, ...]) -> tuple[str, ...]:
    return otherwise if scopes is None else scopes


def _findings(client: file.Client, result: Governed, pointer: str) -> Iterator[Finding]:
    named = ", ".join(result.rules.policies)
    for violation in result.violations:
        problem = f"Against the policy {named} of “{client.client_id}”: {violation.problem}"
        yield error("C-POLICY-VIOLATED", f"{pointer}{violation.place}", problem, violation.repair)


def _idle(found: file.Realm, policies: tuple[ClientPolicy, ...], rules: dict[str, ClientRules]) -> Iterator[Finding]:
    applied = {name for one in rules.values() for name in one.policies}
    places = {policy.name: position for position, policy in enumerate(found.client_policies.policies)}
    for policy in policies:
        if policy.name not in applied:
            problem = f"The policy “{policy.name}” applies to no client of the file."
            pointer = f"/clientPolicies/policies/{places[policy.name]}"
            yield warning("C-POLICY-IDLE", pointer, problem, "Check its conditions, if clients of the file are meant.")
