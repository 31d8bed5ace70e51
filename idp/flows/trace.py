"""Why the engine decided as it did: what it asked about each step and condition, in reading order.

Made by the engine itself, with listeners in place of the two questions that it may ask; nothing is decided here. What
is written down never says what an attribute of a person is, nor anything secret: names, requirements, yes and no.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from idp.flows.assembly import AssembledRealm, action_id
from idp.flows.engine import Circumstances, Usability, decide
from idp.flows.facts import LOGIN_EVIDENCE, LOGIN_SUBFLOWS, REQUEST_LEVEL, REQUEST_SCOPE, USER_CREDENTIALS, Facts
from idp.flows.registry import CONDITIONS
from idp.flows.tree import Execution, Node, Subflow, leaves
from idp.model.flow import Requirement, Status
from idp.model.session import AuthenticationSession
from idp.model.struct import Frozen

WITHHELD = "(not shown)"


class Considered(Frozen, frozen=True, kw_only=True, omit_defaults=True):
    """One step or condition that a decision looked at, in the (sub-)flow `within`.

    `answer` is what became of it: for a step `ready`, `setup`, `no`, or what it has come to already (`success`,
    `attempted`, `setup-required`); for a condition `yes` or `no`. `inputs` are what it looked at, without values.
    """

    within: str
    authenticator: str
    requirement: str
    answer: str
    condition: bool = False
    inputs: dict[str, str] = {}


def considered(
    assembled: AssembledRealm, root: Subflow, circumstances: Circumstances, facts: Facts
) -> tuple[Considered, ...]:
    """Return what a decision looks at, by having the engine make it."""
    usable: dict[str, Usability] = {}
    held: dict[str, bool] = {}

    def tell_usable(execution: Execution) -> Usability:
        usable[execution.id] = circumstances.usable(execution)
        return usable[execution.id]

    def tell_holds(condition: Execution, guarded: Subflow) -> bool:
        held[condition.id] = circumstances.holds(condition, guarded)
        return held[condition.id]

    decide(root, msgspec.structs.replace(circumstances, usable=tell_usable, holds=tell_holds))

    def told(node: Node, within: str) -> Iterator[Considered]:
        if isinstance(node, Subflow):
            for condition in node.conditions:
                if condition.id in held:
                    yield _condition(assembled, condition, node, facts, holds=held[condition.id])
            for child in node.children:
                yield from told(child, node.alias)
        elif node.id in circumstances.progress or node.id in usable:
            status = circumstances.progress.get(node.id)
            answer = status.value if status is not None else usable[node.id].value
            yield Considered(
                within=within, authenticator=node.authenticator, requirement=node.requirement.value, answer=answer
            )

    return tuple(told(root, root.alias))


def _condition(
    assembled: AssembledRealm, condition: Execution, guarded: Subflow, facts: Facts, *, holds: bool
) -> Considered:
    # Keycloak's keys that say what a person's attribute must be: with the answer they would say what it is.
    asked = {key: WITHHELD if "value" in key else value for key, value in condition.config.items()}
    seen: dict[str, str] = {}
    for fact in sorted(CONDITIONS[condition.authenticator].depends_on):
        seen |= _seen(fact, assembled, guarded, facts)
    return Considered(
        within=guarded.alias,
        authenticator=condition.authenticator,
        requirement=condition.requirement.value,
        answer="yes" if holds else "no",
        condition=True,
        inputs=asked | seen,
    )


def _seen(fact: str, assembled: AssembledRealm, guarded: Subflow, facts: Facts) -> dict[str, str]:
    match fact:
        case _ if fact == USER_CREDENTIALS:
            steps = [leaf for leaf in leaves(guarded) if leaf.requirement is not Requirement.DISABLED]
            return {f"{step.authenticator} set up": assembled.usable(step, facts.user).value for step in steps}
        case _ if fact == REQUEST_SCOPE:
            return {fact: " ".join(facts.scope)}
        case _ if fact == REQUEST_LEVEL:
            return {fact: str(facts.level)}
        case _ if fact == LOGIN_EVIDENCE:
            return {fact: " ".join(dict.fromkeys(proof.factor for proof in facts.evidence))}
        case _ if fact == LOGIN_SUBFLOWS:
            return {fact: ", ".join(sorted(facts.executed))}
        case _:
            return {fact: WITHHELD}


def path_of(assembled: AssembledRealm, login: AuthenticationSession) -> str:
    """Return the steps that a login has taken, in their order; what did not simply succeed says so."""
    flow = assembled.flows.get(login.flow)
    names = {leaf.id: leaf.authenticator for leaf in leaves(flow.root)} if flow is not None else {}
    prefix = action_id("")
    taken = []
    for execution, status in login.progress.items():
        name = names.get(execution, execution.removeprefix(prefix))
        taken.append(name if status is Status.SUCCESS else f"{name}:{status.value}")
    return " ".join(taken)
