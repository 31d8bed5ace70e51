"""Actions that an application asks for (Keycloak's `kc_action`, keycloak.md 2.11): which, and what becomes of them.

The request is a wish: the person may decline it (`cancel-aia`), unless the action is due anyway. It comes last. What it
changes is guarded twice: by what the action's own contract demands, and by how fresh the proofs of the login are.
"""

from __future__ import annotations

from idp.flows.assembly import AssembledRealm, action_execution, action_id
from idp.flows.engine import Usability
from idp.flows.tree import Execution, leaves
from idp.model.flow import Status
from idp.model.session import AuthenticationSession
from idp.model.user import User

CANCEL = "cancel-aia"
"""The field by which a page says that the person does not want it."""


def initiated_action(assembled: AssembledRealm, login: AuthenticationSession) -> Execution | None:
    """Return the action that the application asked for, unless the person did not want it."""
    alias = _alias(assembled, login)
    return None if alias is None or login.cancelled else action_execution(alias)


def may_decline(
    assembled: AssembledRealm, login: AuthenticationSession, execution: Execution, user: User | None, *, now: int
) -> bool:
    """Tell whether an action is only the application's wish."""
    initiated = initiated_action(assembled, login)
    if initiated is None or initiated.id != execution.id or user is None:
        return False
    return initiated not in assembled.pending_actions(user, login.actions, now)


def action_parameter(login: AuthenticationSession, execution: Execution) -> str:
    """Return what the application named with the action, for that action alone."""
    asked = login.request.action if login.request is not None else None
    return asked.parameter if asked is not None and execution.id == action_id(asked.alias) else ""


def oldest_proof(assembled: AssembledRealm, login: AuthenticationSession) -> int | None:
    """Return how many seconds old a proof of the user session may be for this login; None: as old as it is."""
    alias = _alias(assembled, login)
    asked = login.request.max_age if login.request is not None else None
    ages = [asked, assembled.longest_proof(alias) if alias is not None else None]
    return min((age for age in ages if age is not None), default=None)


def raised_level(assembled: AssembledRealm, login: AuthenticationSession, user: User | None) -> int:
    """Return the level that the action takes: that of the block which asks for the credential that it changes.

    But none that the user has nothing to reach it with: else nobody could ever set the first token up.
    """
    alias = _alias(assembled, login)
    change = assembled.contract(action_id(alias)).changes if alias is not None else None
    if change is None or user is None:
        return 0
    wanted = reachable = 0
    for block in assembled.flows[login.flow].blocks:
        steps = tuple(leaves(block.node))
        if any(change.credential in assembled.contract(step.id).factors for step in steps):
            wanted = max(wanted, block.level)
        if any(assembled.usable(step, user) is Usability.READY for step in steps):
            reachable = max(reachable, block.level)
    return min(wanted, reachable)


def action_status(assembled: AssembledRealm, login: AuthenticationSession) -> dict[str, str]:
    """Return what the application is told of its action (`kc_action_status`); nothing, if it asked for none."""
    asked = login.request.action if login.request is not None else None
    if asked is None:
        return {}
    status = "error"  # one that there is not, or that the realm lets no application ask for
    if _alias(assembled, login) is not None:
        done = login.progress.get(action_id(asked.alias)) is Status.SUCCESS
        status = "success" if done else "cancelled" if login.cancelled else "error"
    return {"kc_action": asked.alias, "kc_action_status": status}


def _alias(assembled: AssembledRealm, login: AuthenticationSession) -> str | None:
    return assembled.asked_action(login.request.action if login.request is not None else None)
