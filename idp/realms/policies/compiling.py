"""`clientProfiles` and `clientPolicies` of a realm file → the policies that are in force, with findings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Literal

from idp.model.clients.policy import ClientPolicy, PolicyPart
from idp.model.finding import Finding, Severity
from idp.realms.policies.built_in import BUILT_IN_PROFILES
from idp.realms.policies.conditions import ABOUT_A_REQUEST, CONDITIONS
from idp.realms.policies.configuration import Configuration
from idp.realms.policies.executors import EXECUTORS
from idp.realms.policies.signatures import SIGNATURES, chosen_algorithm
from idp.realms.representation import policies as written
from idp.realms.representation import realm as file
from idp.realms.values import error, one_of, warning

_MODES: tuple[Literal["DEFAULT", "STRICT"], ...] = ("DEFAULT", "STRICT")


def policies_of(found: file.Realm, findings: list[Finding]) -> tuple[ClientPolicy, ...]:
    """Return the enabled policies in the file's order; what cannot be understood is a finding."""
    findings.extend(_profile_findings(found))
    findings.extend(_duplicates(found))
    profiles = dict(BUILT_IN_PROFILES) | {
        profile.name: tuple(
            PolicyPart(name=one.executor, configuration=one.configuration)
            for one in profile.executors
            if one.executor in EXECUTORS
        )
        for profile in found.client_profiles.profiles
        if profile.name not in BUILT_IN_PROFILES
    }
    return tuple(
        _policy(policy, profiles, f"/clientPolicies/policies/{position}", findings)
        for position, policy in enumerate(found.client_policies.policies)
        if policy.enabled
    )


def _policy(
    policy: written.ClientPolicy, profiles: dict[str, tuple[PolicyPart, ...]], pointer: str, findings: list[Finding]
) -> ClientPolicy:
    findings.extend(_condition_findings(policy, pointer))
    for position, name in enumerate(policy.profiles):
        if name not in profiles:
            problem = f"There is no client profile “{name}”: the policy would protect less than it says."
            repair = f"Write the profile, or use one of: {', '.join(profiles)}."
            findings.append(error("C-POLICY-PROFILE", f"{pointer}/profiles/{position}", problem, repair))
    executors = tuple(executor for name in policy.profiles for executor in profiles.get(name, ()))
    return ClientPolicy(
        name=policy.name,
        mode=one_of(policy.mode, _MODES, f"{pointer}/mode", findings) or "DEFAULT",
        conditions=tuple(PolicyPart(name=one.condition, configuration=one.configuration) for one in policy.conditions),
        executors=executors,
        algorithms=tuple(
            dict.fromkeys(
                chosen_algorithm(Configuration(executor.configuration))
                for executor in executors
                if executor.name == SIGNATURES
            )
        ),
    )


def _profile_findings(found: file.Realm) -> Iterator[Finding]:
    for number, profile in enumerate(found.client_profiles.profiles):
        pointer = f"/clientProfiles/profiles/{number}"
        if profile.name in BUILT_IN_PROFILES:
            problem = f"“{profile.name}” is a built-in profile; what the file says of it has no effect."
            yield warning("C-POLICY-BUILT-IN", f"{pointer}/name", problem, "Give the profile a name of its own.")
        for position, one in enumerate(profile.executors):
            place = f"{pointer}/executors/{position}/executor"
            if one.executor not in EXECUTORS:
                problem = f"There is no executor “{one.executor}”: the profile would protect less than it says."
                yield error("C-POLICY-EXECUTOR", place, problem, f"Use one of: {', '.join(sorted(EXECUTORS))}.")
            elif not EXECUTORS[one.executor].effect:
                problem = f"“{one.executor}” is known and has no effect here."
                yield warning("C-POLICY-NO-EFFECT", place, problem, "See to it otherwise, or remove it.")
            elif Configuration(one.configuration).flag("allow-only-refresh-token-binding"):
                problem = "Access tokens are bound too: a binding of refresh tokens alone is not offered."
                yield warning("C-POLICY-NO-EFFECT", place, problem, "Set allow-only-refresh-token-binding to false.")


def _condition_findings(policy: written.ClientPolicy, pointer: str) -> Iterator[Finding]:
    if not policy.conditions:
        problem = f"The policy “{policy.name}” has no condition, so it is about no client."
        yield warning("C-POLICY-CONDITION", f"{pointer}/conditions", problem, "Add any-client, or another.")
    for position, one in enumerate(policy.conditions):
        place = f"{pointer}/conditions/{position}"
        if one.condition not in CONDITIONS:
            problem = f"There is no condition “{one.condition}”: who is meant cannot be told."
            yield error("C-POLICY-CONDITION", f"{place}/condition", problem, f"Use one of: {', '.join(CONDITIONS)}.")
        elif one.condition == "client-attributes" and not Configuration(one.configuration).table("attributes"):
            problem = "The attributes are not a list of keys and values: no client can have them."
            repair = 'Write [{"key": "…", "value": "…"}].'
            yield error("C-POLICY-CONDITION", f"{place}/configuration/attributes", problem, repair)
        elif one.condition in ABOUT_A_REQUEST:
            problem = f"“{one.condition}” is decided for the client as a whole, not for each of its requests."
            repair = "Expect the policy to apply to every request of a client that could make such a one."
            yield Finding(rule="C-POLICY-STRICT", severity=Severity.NOTE, pointer=place, problem=problem, repair=repair)


def _duplicates(found: file.Realm) -> Iterator[Finding]:
    lists = {
        "clientProfiles/profiles": [profile.name for profile in found.client_profiles.profiles],
        "clientPolicies/policies": [policy.name for policy in found.client_policies.policies],
    }
    for name, keys in lists.items():
        for key, count in Counter(keys).items():
            if count > 1:
                yield error("R-DUPLICATE", f"/{name}", f"“{key}” appears {count} times.", "Keep one of them.")
