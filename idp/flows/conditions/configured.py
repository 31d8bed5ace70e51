"""The condition about what the user has set up."""

from __future__ import annotations

from typing import ClassVar

from idp.flows.condition import Surroundings
from idp.flows.engine import Usability
from idp.flows.facts import USER_CREDENTIALS, Facts
from idp.flows.step import NoConfig
from idp.flows.tree import Execution, Node, Subflow
from idp.model.flow import Requirement
from idp.model.realm import Realm
from idp.model.user import User


class UserConfigured:
    """`conditional-user-configured`: the user has the credentials that the guarded sub-flow asks for.

    All of its required members, or any of its alternatives; nested sub-flows count too (Keycloak skips them: T-6). A
    nested conditional is not demanded by itself: it counts only where there is nothing else.
    """

    needs_user: ClassVar[bool] = True
    depends_on: ClassVar[frozenset[str]] = frozenset({USER_CREDENTIALS})
    config_type: ClassVar[type[NoConfig]] = NoConfig

    def __init__(self, config: NoConfig, *, surroundings: Surroundings) -> None:
        del config
        self._usable = surroundings.usable

    @staticmethod
    def missing(config: NoConfig, realm: Realm) -> None:
        """Return nothing: it names nothing of the realm."""
        del config, realm

    def holds(self, facts: Facts, guarded: Subflow) -> bool:
        """Tell whether the sub-flow applies to this user."""
        return self._configured(guarded, facts.user)

    def _configured(self, node: Node, user: User | None) -> bool:
        if isinstance(node, Execution):
            return self._usable(node, user) is Usability.READY
        required = [child for child in node.children if child.requirement is Requirement.REQUIRED]
        if required:
            return all(self._configured(child, user) for child in required)
        enabled = [child for child in node.children if child.requirement is not Requirement.DISABLED]
        return any(self._configured(child, user) for child in enabled)
