"""Conditions about the login itself: what was proven in it, and which sub-flows have been passed."""

from __future__ import annotations

from typing import ClassVar, Literal

import msgspec

from idp.flows.condition import Surroundings
from idp.flows.facts import LOGIN_EVIDENCE, LOGIN_SUBFLOWS, Facts
from idp.flows.tree import Subflow
from idp.model.realm import Realm
from idp.model.struct import Frozen
from idp.realms.values import listed

_NONE = "none"


class CredentialConfig(Frozen, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`credentials` are kinds joined by `##` (`none`: nothing was proven); `included`: one of them was used."""

    credentials: str
    included: bool = False

    def __post_init__(self) -> None:
        """Refuse a condition about nothing."""
        if not self.kinds:
            raise ValueError("credentials names no kind")

    @property
    def kinds(self) -> frozenset[str]:
        """The kinds of credentials: the names of the factors that they prove."""
        return frozenset(listed(self.credentials))


class Credential:
    """`conditional-credential`: the user has (or has not) proven one of these kinds of credentials in this login."""

    needs_user: ClassVar[bool] = True
    depends_on: ClassVar[frozenset[str]] = frozenset({LOGIN_EVIDENCE})
    config_type: ClassVar[type[CredentialConfig]] = CredentialConfig

    def __init__(self, config: CredentialConfig, *, surroundings: Surroundings) -> None:
        del surroundings
        self._kinds = config.kinds
        self._included = config.included

    @staticmethod
    def missing(config: CredentialConfig, realm: Realm) -> None:
        """Return nothing: it names nothing of the realm."""
        del config, realm

    def holds(self, facts: Facts, guarded: Subflow) -> bool:
        """Tell whether the sub-flow applies to this login."""
        del guarded
        used = {proof.factor for proof in facts.evidence} or {_NONE}
        return self._included != used.isdisjoint(self._kinds)


class SubflowConfig(Frozen, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The sub-flow that is looked at, and what must have become of it."""

    flow: str = msgspec.field(name="flow_to_check")
    result: Literal["executed", "not-executed"] = msgspec.field(name="check_result", default="executed")


class SubflowExecuted:
    """`conditional-sub-flow-executed`: a sub-flow has been passed in this login, or has not."""

    needs_user: ClassVar[bool] = False
    depends_on: ClassVar[frozenset[str]] = frozenset({LOGIN_SUBFLOWS})
    config_type: ClassVar[type[SubflowConfig]] = SubflowConfig

    def __init__(self, config: SubflowConfig, *, surroundings: Surroundings) -> None:
        del surroundings
        self._config = config

    @staticmethod
    def missing(config: SubflowConfig, realm: Realm) -> str | None:
        """Return what the condition names and the realm does not have."""
        return None if config.flow in realm.flows else f"the flow “{config.flow}”"

    def holds(self, facts: Facts, guarded: Subflow) -> bool:
        """Tell whether the sub-flow applies to this login."""
        del guarded
        return (self._config.flow in facts.executed) == (self._config.result == "executed")
