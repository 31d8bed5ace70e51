"""Which steps a flow has, through all its sub-flows."""

from __future__ import annotations

from idp.model.flow import Flow, FlowExecution, Requirement
from idp.model.realm import Realm

_HAS_FACTOR = "conditional-user-configured"


def enabled_steps(realm: Realm, alias: str, *, optional: bool = True, above: frozenset[str] = frozenset()) -> set[str]:
    """Return the authenticators of a flow that are not disabled.

    Without `optional`, only those that a person who has enrolled nothing meets too.
    """
    flow: Flow | None = realm.flows.get(alias)
    if flow is None or alias in above:
        return set()
    found: set[str] = set()
    for line in flow.executions:
        if line.requirement is Requirement.DISABLED or (not optional and _is_for_the_enrolled(realm, line)):
            continue
        if line.flow_alias is not None:
            found |= enabled_steps(realm, line.flow_alias, optional=optional, above=above | {alias})
        elif line.authenticator is not None:
            found.add(line.authenticator)
    return found


def _is_for_the_enrolled(realm: Realm, line: FlowExecution) -> bool:
    flow = realm.flows.get(line.flow_alias or "")
    return (
        line.requirement is Requirement.CONDITIONAL
        and flow is not None
        and any(
            inner.authenticator == _HAS_FACTOR and inner.requirement is not Requirement.DISABLED
            for inner in flow.executions
        )
    )
