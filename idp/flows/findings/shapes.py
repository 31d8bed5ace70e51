"""What is wrong with the shape of a compiled flow: findings that name the executions and the repair.

Keycloak runs such flows and means something else by them (keycloak.md 2.16); here they do not start.
"""

from __future__ import annotations

from collections.abc import Iterator

from idp.flows.findings.levels import always_taken, level_findings
from idp.flows.registry import CONDITIONS, STEPS
from idp.flows.step import StepContract
from idp.flows.tree import Execution, Node, Subflow, leaves, subflows
from idp.model.finding import Finding, Severity
from idp.model.flow import Requirement


def shape_findings(root: Subflow) -> Iterator[Finding]:
    """Yield every problem of a top-level flow."""
    taken = always_taken(root)
    for flow in subflows(root):
        yield from _level_findings(flow, taken)
    yield from level_findings(root)
    yield from _order_findings(root, taken)
    makes_accounts = any(_contract(leaf).makes_user for leaf in leaves(root))
    if not _can_prove(root, taken) and not makes_accounts:
        yield _error("F-PROVES-NOTHING", root, f"Flow “{root.alias}” can end without a proven factor.", "Add one.")


def _is_sure(child: Node, taken: frozenset[str]) -> bool:
    """Tell whether every login goes through a member of a level: it is REQUIRED, or the block of the lowest level."""
    return child.requirement is Requirement.REQUIRED or child.id in taken


def _level_findings(flow: Subflow, taken: frozenset[str]) -> Iterator[Finding]:
    enabled = [child for child in flow.children if child.requirement is not Requirement.DISABLED]
    alternatives = [child for child in enabled if child.requirement is Requirement.ALTERNATIVE]
    if not enabled:
        yield _error("F-EMPTY", flow, f"Flow “{flow.alias}” has no enabled execution.", "Add one, or disable the flow.")
    if alternatives and len(alternatives) != len(enabled):
        yield _mixed(flow, enabled)
    conditional = [child for child in enabled if child.requirement is Requirement.CONDITIONAL]
    if enabled and len(conditional) == len(enabled) and not any(_is_sure(child, taken) for child in enabled):
        yield Finding(
            rule="F-ONLY-CONDITIONAL",
            severity=Severity.WARNING,
            pointer=flow.pointer,
            problem=f"Flow “{flow.alias}” has only conditional members: when no condition holds, no step applies.",
            repair="Add a required step; a login for which no step applies is refused.",
        )
    for child in enabled:
        if isinstance(child, Execution) and child.requirement is Requirement.CONDITIONAL:
            yield _error(
                "F-CONDITIONAL-STEP",
                child,
                f"{child.authenticator} is CONDITIONAL, but only a sub-flow can be.",
                "Put it into a sub-flow with a condition, or make it REQUIRED.",
            )
    yield from _guard_findings(flow)
    yield from _unreachable(alternatives)


def _mixed(flow: Subflow, enabled: list[Node]) -> Finding:
    names = ", ".join(f"{_name(child)} {child.requirement.value}" for child in enabled)
    return _error(
        "F-MIXED-LEVEL",
        flow,
        f"Flow “{flow.alias}” mixes ALTERNATIVE with others at one level ({names}); Keycloak drops the alternatives.",
        "Move the alternatives into a sub-flow of their own and make that sub-flow REQUIRED.",
    )


def _guard_findings(flow: Subflow) -> Iterator[Finding]:
    guards = [condition for condition in flow.conditions if condition.requirement is not Requirement.DISABLED]
    if flow.requirement is Requirement.CONDITIONAL and not guards:
        yield _error(
            "F-NO-CONDITION",
            flow,
            f"Sub-flow “{flow.alias}” is CONDITIONAL but has no enabled condition.",
            "Enable or add a condition; without one Keycloak skips the sub-flow.",
        )
    if flow.requirement is not Requirement.CONDITIONAL:
        for guard in guards:
            yield _error(
                "F-CONDITION-IGNORED",
                guard,
                f"{guard.authenticator} guards nothing: “{flow.alias}” is not CONDITIONAL.",
                "Make the sub-flow CONDITIONAL, or remove the condition.",
            )


def _unreachable(alternatives: list[Node]) -> Iterator[Finding]:
    """An alternative that always passes makes the later ones dead (T-8)."""
    for position, child in enumerate(alternatives[:-1]):
        steps = list(leaves(child))
        if steps and not any(_is_selective(step) for step in steps):
            later = ", ".join(_name(other) for other in alternatives[position + 1 :])
            yield _error(
                "F-UNREACHABLE",
                child,
                f"{_name(child)} passes without proving anything, so {later} cannot be reached.",
                "Put the steps that prove something first, or make this one REQUIRED in a sub-flow with them.",
            )


def _is_selective(step: Execution) -> bool:
    """Tell whether there are logins that do not get past a step."""
    contract = _contract(step)
    return contract.proves is not None or contract.gives_way or step.authenticator == "auth-cookie"


def _order_findings(root: Subflow, taken: frozenset[str]) -> Iterator[Finding]:
    """Steps that need a user or a proof must come after a step that surely brought one."""
    yield from _walk(root, taken, identified=False, proven=False)[2]


def _walk(node: Node, taken: frozenset[str], *, identified: bool, proven: bool) -> tuple[bool, bool, list[Finding]]:
    """Return what surely holds after `node`, given what holds before it, and what is out of order in it."""
    if isinstance(node, Execution):
        return _walk_step(node, identified=identified, proven=proven)
    found = [
        _error(
            "F-CONDITION-BEFORE-USER",
            guard,
            f"{guard.authenticator} needs a user, but nobody is identified yet.",
            "Move the sub-flow behind the step that asks for the user name.",
        )
        for guard in node.conditions
        if guard.requirement is not Requirement.DISABLED
        and CONDITIONS[guard.authenticator].needs_user
        and not identified
    ]
    after: list[tuple[bool, bool]] = []
    for child in node.children:
        if child.requirement is Requirement.DISABLED:
            continue
        child_identified, child_proven, child_found = _walk(child, taken, identified=identified, proven=proven)
        found += child_found
        if child.requirement is Requirement.ALTERNATIVE:
            after.append((child_identified, child_proven))
        elif _is_sure(child, taken):
            identified, proven = child_identified, child_proven
    if after:  # what every alternative brings
        identified = identified or all(i for i, _ in after)
        proven = proven or all(p for _, p in after)
    return identified, proven, found


def _walk_step(step: Execution, *, identified: bool, proven: bool) -> tuple[bool, bool, list[Finding]]:
    contract = _contract(step)
    found = []
    if contract.needs_user and not identified:
        found.append(
            _error(
                "F-STEP-BEFORE-USER",
                step,
                f"{step.authenticator} needs a user, but nobody is identified yet.",
                "Move it behind the step that asks for the user name.",
            )
        )
    if contract.needs_proof and not proven:
        found.append(
            _error(
                "F-STEP-BEFORE-PROOF",
                step,
                f"{step.authenticator} comes before any proven factor.",
                "Move it behind a step that proves a factor, for instance the password.",
            )
        )
    if contract.sends_message and not proven:
        found.append(
            Finding(
                rule="F-MESSAGE-BEFORE-PROOF",
                severity=Severity.WARNING,
                pointer=step.pointer,
                problem=f"{step.authenticator} sends a message to whoever's name somebody types.",
                repair="Move it behind a step that proves a factor, for instance the password.",
            )
        )
    # A session that answers for the login (auth-cookie) brings the user and the evidence it was made with.
    sso = step.authenticator == "auth-cookie"
    return identified or contract.identifies or sso, proven or contract.proves is not None or sso, found


def _can_prove(node: Node, taken: frozenset[str]) -> bool:
    """Tell whether every way through `node` proves something."""
    if isinstance(node, Execution):
        contract = _contract(node)
        return contract.proves is not None or contract.refuses or node.authenticator == "auth-cookie"
    enabled = [child for child in node.children if child.requirement is not Requirement.DISABLED]
    if any(child.requirement is Requirement.ALTERNATIVE for child in enabled):
        return all(_can_prove(child, taken) for child in enabled)
    return any(_can_prove(child, taken) for child in enabled if _is_sure(child, taken))


def _contract(step: Execution) -> StepContract:
    return STEPS[step.authenticator].contract


def _name(node: Node) -> str:
    return node.authenticator if isinstance(node, Execution) else f"“{node.alias}”"


def _error(rule: str, node: Node, problem: str, repair: str) -> Finding:
    return Finding(rule=rule, severity=Severity.ERROR, pointer=node.pointer, problem=problem, repair=repair)
