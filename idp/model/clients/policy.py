"""Client policies: which clients must keep which rules (Keycloak's `clientPolicies` and `clientProfiles`)."""

from __future__ import annotations

from typing import Any, Literal

from idp.model.client import SigningAlgorithm
from idp.model.struct import Frozen


class PolicyPart(Frozen, frozen=True, kw_only=True):
    """A condition of a policy, or an executor of a profile: its name, and its configuration as the file has it."""

    name: str
    configuration: dict[str, Any] = {}


class ClientPolicy(Frozen, frozen=True, kw_only=True):
    """One enabled policy, with the executors of all its profiles in their order.

    `mode` says how votes are counted: DEFAULT, one condition says yes and none no; STRICT, all say yes.
    """

    name: str
    mode: Literal["DEFAULT", "STRICT"] = "DEFAULT"
    conditions: tuple[PolicyPart, ...] = ()
    executors: tuple[PolicyPart, ...] = ()
    algorithms: tuple[SigningAlgorithm, ...] = ()
    """Signatures that the policy chooses for clients without one of their own; the realm has keys for them."""
