"""A realm whose conditions are answered both ways, where a realm file cannot know the answer.

Whether a customer has a role or an attribute, or comes from a network, is not in the file. Such a condition is answered
yes and no, and within one login always the same; two conditions that look at one thing, one of them negated, are
answered together.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

import msgspec

from idp.flows.assembly import AssembledRealm
from idp.flows.facts import (
    LOGIN_EVIDENCE,
    LOGIN_SUBFLOWS,
    REQUEST_LEVEL,
    USER_ATTRIBUTES,
    USER_CREDENTIALS,
    USER_ROLES,
    Facts,
)
from idp.flows.registry import CONDITIONS
from idp.flows.step import StepServices
from idp.flows.tree import Execution, Subflow
from idp.model.realm import Realm
from idp.model.user import User

KNOWN = frozenset({USER_CREDENTIALS, LOGIN_EVIDENCE, LOGIN_SUBFLOWS})
"""The facts that an exploration knows: it follows the customer's credentials and what was proven and passed."""

CUSTOMERS = frozenset({USER_ROLES, USER_ATTRIBUTES, USER_CREDENTIALS})
"""The facts that stay as they are from one ceremony of a customer to the next."""

NEGATIONS = ("negate", "not", "exclude")
"""Keycloak's configuration keys that turn a condition round."""

World = Mapping[str, int]
"""What was answered so far, by the name of the question: yes (1) or no (0), or which level is asked for."""

LEVEL = "login: the level that is asked for"


class Undecided(Exception):  # noqa: N818 - no error: the exploration branches here
    """The engine asked a question that the world at hand has no answer to."""

    def __init__(self, question: str, answers: tuple[int, ...] = (1, 0)) -> None:
        super().__init__(question)
        self.question = question
        self.answers = answers


class SymbolicRealm(AssembledRealm):
    """An assembled realm that asks the world instead of its conditions."""

    def __init__(self, realm: Realm, services: StepServices) -> None:
        super().__init__(realm, services)
        self.world: World = {}
        self.levels = tuple(sorted({0, *(block.level for flow in self.flows.values() for block in flow.blocks)}))
        """Every level that a login can be asked for, as far as a flow tells them apart."""

    def holds(self, condition: Execution, guarded: Subflow, facts: Facts) -> bool:
        """Tell whether a condition holds; of what the realm file does not know, the present world says it."""
        kind = CONDITIONS[condition.authenticator]
        if kind.depends_on <= KNOWN or (kind.needs_user and facts.user is None):
            return super().holds(condition, guarded, facts)
        if kind.depends_on == {REQUEST_LEVEL}:
            if super().holds(condition, guarded, msgspec.structs.replace(facts, level=0)):
                return True  # the lowest block of a flow is there for everybody, whatever is asked for
            level = self._answer(LEVEL, self.levels)
            return super().holds(condition, guarded, msgspec.structs.replace(facts, level=level))
        question, negated = question_of(condition)
        return bool(self._answer(question)) is not negated

    def rank(self, execution: Execution, user: User | None) -> None:
        """Keep the order of the flow: every way that is offered is followed, whichever is asked first."""
        del execution, user

    def _answer(self, question: str, answers: tuple[int, ...] = (1, 0)) -> int:
        if question not in self.world:
            raise Undecided(question, answers)
        return self.world[question]


def question_of(condition: Execution) -> tuple[str, bool]:
    """Return what a condition asks, and whether it wants to hear no.

    The question begins with what it is about, the customer or this login.
    """
    about = "customer" if CONDITIONS[condition.authenticator].depends_on <= CUSTOMERS else "login"
    negated = any(condition.config.get(key, "").lower() in {"true", "1"} for key in NEGATIONS)
    asked = {key: value for key, value in sorted(condition.config.items()) if key not in NEGATIONS}
    return f"{about}: {condition.authenticator} {json.dumps(asked)}", negated
