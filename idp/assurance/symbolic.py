"""A realm whose conditions are answered both ways, where a realm file cannot know the answer.

Whether a customer has a role or an attribute, or comes from a network, is not in the file. Such a condition is answered
yes and no, and within one login always the same; two conditions that look at one thing, one of them negated, are
answered together.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from idp.flows.assembly import AssembledRealm
from idp.flows.facts import (
    LOGIN_EVIDENCE,
    LOGIN_SUBFLOWS,
    USER_ATTRIBUTES,
    USER_CREDENTIALS,
    USER_ROLES,
    Facts,
)
from idp.flows.registry import CONDITIONS
from idp.flows.step import StepServices
from idp.flows.tree import Execution, Subflow
from idp.model.realm import Realm

KNOWN = frozenset({USER_CREDENTIALS, LOGIN_EVIDENCE, LOGIN_SUBFLOWS})
"""The facts that an exploration knows: it follows the customer's credentials and what was proven and passed."""

CUSTOMERS = frozenset({USER_ROLES, USER_ATTRIBUTES, USER_CREDENTIALS})
"""The facts that stay as they are from one ceremony of a customer to the next."""

NEGATIONS = ("negate", "not")
"""Keycloak's configuration keys that turn a condition round."""

World = Mapping[str, bool]
"""What was answered so far, by the name of the question."""


class Undecided(Exception):  # noqa: N818 - no error: the exploration branches here
    """The engine asked a question that the world at hand has no answer to."""

    def __init__(self, question: str) -> None:
        super().__init__(question)
        self.question = question


class SymbolicRealm(AssembledRealm):
    """An assembled realm that asks the world instead of its conditions."""

    def __init__(self, realm: Realm, services: StepServices) -> None:
        super().__init__(realm, services)
        self.world: World = {}

    def holds(self, condition: Execution, guarded: Subflow, facts: Facts) -> bool:
        """Tell whether a condition holds; of what the realm file does not know, the present world says it."""
        kind = CONDITIONS[condition.authenticator]
        if kind.depends_on <= KNOWN or (kind.needs_user and facts.user is None):
            return super().holds(condition, guarded, facts)
        question, negated = question_of(condition)
        if question not in self.world:
            raise Undecided(question)
        return self.world[question] is not negated


def question_of(condition: Execution) -> tuple[str, bool]:
    """Return what a condition asks, and whether it wants to hear no.

    The question begins with what it is about, the customer or this login.
    """
    about = "customer" if CONDITIONS[condition.authenticator].depends_on <= CUSTOMERS else "login"
    negated = any(condition.config.get(key, "").lower() == "true" for key in NEGATIONS)
    asked = {key: value for key, value in sorted(condition.config.items()) if key not in NEGATIONS}
    return f"{about}: {condition.authenticator} {json.dumps(asked)}", negated
