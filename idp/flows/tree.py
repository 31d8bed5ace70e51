"""A compiled flow: the tree that the engine decides on, the server runs and the reviews read."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from idp.model.flow import Requirement
from idp.model.struct import Frozen


class Execution(Frozen, frozen=True, kw_only=True):
    """A leaf: one authenticator or condition at one place, with its configuration.

    `id` is derived from the place (flow alias, authenticator, position), so it is the same on every node and after
    every restart, and two executions of one authenticator stay two. `reference` is what stands in `amr` for it instead
    of what its step says, for `reference_age` seconds (Keycloak's `default.reference.value` and `.maxAge`).
    """

    id: str
    authenticator: str
    requirement: Requirement
    config: dict[str, str] = {}
    pointer: str = ""
    form: tuple[Execution, ...] = ()
    """What a page that is a flow of its own is made of (Keycloak's `form-flow`); its members are no steps."""
    reference: str = ""
    reference_age: int | None = None


class Subflow(Frozen, frozen=True, kw_only=True):
    """An inner node. `conditions` guard it when it is CONDITIONAL; all of them must hold."""

    id: str
    alias: str
    requirement: Requirement
    children: tuple[Execution | Subflow, ...] = ()
    conditions: tuple[Execution, ...] = ()
    pointer: str = ""


Node = Execution | Subflow


def leaves(node: Node) -> Iterator[Execution]:
    """Yield every enabled leaf below a node (conditions are not leaves)."""
    if node.requirement is Requirement.DISABLED:
        return
    if isinstance(node, Execution):
        yield node
        return
    for child in node.children:
        yield from leaves(child)


def guards(node: Node) -> Iterator[Execution]:
    """Yield every enabled condition at and below a node."""
    for flow in subflows(node):
        yield from (guard for guard in flow.conditions if guard.requirement is not Requirement.DISABLED)


def subflows(node: Node) -> Iterator[Subflow]:
    """Yield a sub-flow and every enabled sub-flow below it."""
    if isinstance(node, Execution) or node.requirement is Requirement.DISABLED:
        return
    yield node
    for child in node.children:
        yield from subflows(child)


def bare(node: Node) -> Node:
    """Return a node without the places in the file: two versions of a flow that do the same are equal then."""
    if isinstance(node, Execution):
        return msgspec.structs.replace(node, pointer="")
    return msgspec.structs.replace(
        node,
        pointer="",
        children=tuple(bare(child) for child in node.children),
        conditions=tuple(msgspec.structs.replace(condition, pointer="") for condition in node.conditions),
    )
