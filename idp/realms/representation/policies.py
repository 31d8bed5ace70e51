"""Keycloak's representation of client policies: `clientProfiles` and `clientPolicies` of a realm file."""

from __future__ import annotations

from typing import Any

import msgspec


class _Part(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What these parts of a realm file are made of: camelCase keys."""


class ProfileExecutor(_Part, frozen=True, kw_only=True, rename="camel"):
    """An entry of a profile's `executors`."""

    executor: str
    configuration: dict[str, Any] = {}


class ClientProfile(_Part, frozen=True, kw_only=True, rename="camel"):
    """An entry of `clientProfiles.profiles`."""

    name: str
    description: str = ""
    executors: tuple[ProfileExecutor, ...] = ()


class ClientProfiles(_Part, frozen=True, kw_only=True, rename="camel"):
    """`clientProfiles`. The global ones are built in: a file's copy of them has no effect, as in Keycloak."""

    profiles: tuple[ClientProfile, ...] = ()
    global_profiles: tuple[ClientProfile, ...] = ()


class PolicyCondition(_Part, frozen=True, kw_only=True, rename="camel"):
    """An entry of a policy's `conditions`."""

    condition: str
    configuration: dict[str, Any] = {}


class ClientPolicy(_Part, frozen=True, kw_only=True, rename="camel"):
    """An entry of `clientPolicies.policies`. An absent `enabled` means false, as in Keycloak."""

    name: str
    description: str = ""
    enabled: bool = False
    mode: str = "DEFAULT"
    conditions: tuple[PolicyCondition, ...] = ()
    profiles: tuple[str, ...] = ()


class ClientPolicies(_Part, frozen=True, kw_only=True, rename="camel"):
    """`clientPolicies`. Keycloak has no global policies; the key is known since exports may have it."""

    policies: tuple[ClientPolicy, ...] = ()
    global_policies: tuple[ClientPolicy, ...] = ()
