"""What a condition is: its contract, and what it sees of the realm and the login."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import msgspec

from idp.flows.engine import Usability
from idp.flows.facts import Facts
from idp.flows.tree import Execution, Subflow
from idp.model.realm import Realm
from idp.model.struct import Frozen
from idp.model.user import User

UsableFor = Callable[[Execution, User | None], Usability]


class Surroundings(Frozen, frozen=True, kw_only=True):
    """What a condition may know when it is made: the realm's version, and which step can be asked of whom.

    `lowest_level` is the lowest level of authentication that a sub-flow of the same flow gives.
    """

    realm: Realm
    usable: UsableFor
    lowest_level: int = 0


class Condition(Protocol):
    """A predicate that guards a CONDITIONAL sub-flow, at one place of a flow, with its configuration decoded."""

    def holds(self, facts: Facts, guarded: Subflow) -> bool:
        """Tell whether the sub-flow applies to this login. Never raises."""


class ConditionType(Protocol):
    """How the registry makes the condition of one place."""

    @property
    def needs_user(self) -> bool:
        """Whether it is about the user, so that it must not stand before somebody is identified."""

    @property
    def depends_on(self) -> frozenset[str]:
        """The facts by which alone its answer can change (`idp.flows.facts.FACTS`)."""

    @property
    def config_type(self) -> type[msgspec.Struct]:
        """What its configuration is decoded as."""

    def missing(self, config: Any, realm: Realm) -> str | None:
        """Return what the configuration names and the realm does not have; None if it has everything."""

    def __call__(self, config: Any, *, surroundings: Surroundings) -> Condition:
        """Make the condition; `config` is an instance of `config_type`."""
