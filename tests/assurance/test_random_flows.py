"""Random flows: what the prover finds by exploring the engine is what follows from the flow's meaning, by hand."""

from __future__ import annotations

from itertools import count
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from idp.assurance.ceremonies import Ceremonies
from idp.assurance.credentials import has
from idp.assurance.customers import customers_of
from idp.assurance.symbolic import SymbolicRealm
from idp.assurance.untouched import no_services
from idp.flows.assembly import UnusableRealmError
from idp.flows.tree import Execution, Node, Subflow
from idp.model.flow import Requirement
from idp.model.flow_kind import FlowKind
from idp.model.user import User
from tests.flows.bench import flow, loaded, step, sub, with_flows

Family = set[frozenset[str]]
FACTORS = {"auth-username-password-form": "password", "auth-otp-form": "otp", "sms-otp": "sms-otp"}
LEAVES = st.sampled_from(["auth-otp-form", "sms-otp", "auth-password-form", "soft-token-gate"])
SHAPES = st.recursive(
    LEAVES, lambda inner: st.tuples(st.booleans(), st.lists(inner, min_size=1, max_size=3)), max_leaves=7
)


def flows_of(shape: Any) -> list[dict[str, Any]]:
    """Write a shape as flows: the user name and password first, then the shape as a required sub-flow."""
    numbers, made = count(), []

    def write(node: Any) -> str:
        alternatives, children = node
        alias = f"inner {next(numbers)}"
        requirement = "ALTERNATIVE" if alternatives else "REQUIRED"
        lines = [
            step(child, requirement) if isinstance(child, str) else sub(write(child), requirement) for child in children
        ]
        made.append(flow(alias, *lines, topLevel=False))
        return alias

    inner = write(shape if not isinstance(shape, str) else (False, [shape]))
    return [flow("login", step("auth-username-password-form"), sub(inner), topLevel=True), *made]


def by_hand(node: Node, user: User) -> Family:
    """Every set of factors that satisfies a node: all of the required members, or any one alternative."""
    if isinstance(node, Execution):
        if node.authenticator == "soft-token-gate":
            return {frozenset()} if has(user, "otp") else set()
        factor = FACTORS.get(node.authenticator, "password")
        return {frozenset({factor})} if has(user, factor) else set()
    assert isinstance(node, Subflow)
    families = [by_hand(child, user) for child in node.children]
    if any(child.requirement is Requirement.ALTERNATIVE for child in node.children):
        return set().union(*families)
    found: Family = {frozenset()}
    for family in families:
        found = {one | other for one in found for other in family}
    return found


def minimal(family: Family) -> Family:
    return {one for one in family if not any(other < one for other in family)}


@settings(deadline=None, max_examples=60)
@given(shape=SHAPES)
def test_the_prover_agrees_with_counting_by_hand(shape: Any) -> None:
    found = loaded(with_flows(*flows_of(shape)))
    try:
        assembled = SymbolicRealm(found.realm, no_services())
    except UnusableRealmError:
        return  # the compiler refuses the shape, so nothing would run
    ceremonies = Ceremonies(assembled)
    for customer in customers_of(assembled, found.users):
        if not customer.user.otps or customer.user.required_actions:
            continue  # who has no token may set one up, which is more than counting
        ways = ceremonies.through(FlowKind.BROWSER, "login", customer.user).ways
        reached = {way.needs for way in ways if way.level is not None}
        assert minimal(reached) == minimal(by_hand(assembled.flows["login"].root, customer.user))
