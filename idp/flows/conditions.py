"""The conditions that guard CONDITIONAL sub-flows."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from idp.flows.engine import Usability
from idp.flows.tree import Execution, Subflow, leaves
from idp.model.flow import Requirement
from idp.model.user import User

UsableFor = Callable[[Execution, User | None], Usability]


class UserConfigured:
    """`conditional-user-configured`: the user has the credentials that the guarded sub-flow asks for.

    All of its required steps, or any of its alternatives; nested sub-flows count too (Keycloak skips them: T-6).
    """

    needs_user: ClassVar[bool] = True

    def __init__(self, usable: UsableFor) -> None:
        self._usable = usable

    def holds(self, user: User | None, guarded: Subflow) -> bool:
        """Tell whether the sub-flow applies to this user."""
        steps = list(leaves(guarded))
        ready = [self._usable(step, user) is Usability.READY for step in steps if step.id != guarded.id]
        alternatives = any(child.requirement is Requirement.ALTERNATIVE for child in guarded.children)
        return any(ready) if alternatives else bool(ready) and all(ready)
