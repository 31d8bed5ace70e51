"""What is wrong with the levels of authentication of a flow: their order, and what their blocks can prove at all."""

from __future__ import annotations

from collections.abc import Iterator

from idp.flows.registry import STEPS
from idp.flows.strength.blocks import LEVEL_CONDITION, Block, blocks_of
from idp.flows.strength.levels import TWO_FACTORS
from idp.flows.tree import Execution, Node, Subflow, leaves
from idp.model.finding import Finding, Severity
from idp.model.flow import Category, Requirement


def level_findings(root: Subflow) -> Iterator[Finding]:
    """Yield every problem of a flow's blocks."""
    blocks = tuple(blocks_of(root))
    yield from _order(root, {block.node.id: block for block in blocks}, highest=0)[1]
    for block in blocks:
        yield from _strength(root, block)


def always_taken(root: Subflow) -> frozenset[str]:
    """Return the ids of the blocks that every login goes through: of the lowest level, guarded by nothing else."""
    blocks = tuple(blocks_of(root))
    lowest = min((block.level for block in blocks), default=0)
    return frozenset(block.node.id for block in blocks if block.level == lowest and _is_only_guard(block.node))


def _is_only_guard(node: Subflow) -> bool:
    enabled = [guard for guard in node.conditions if guard.requirement is not Requirement.DISABLED]
    return all(guard.authenticator == LEVEL_CONDITION for guard in enabled)


def _order(node: Node, blocks: dict[str, Block], *, highest: int) -> tuple[int, list[Finding]]:
    """Return the highest level behind `node`, given the highest before it, and the blocks that come too late."""
    if isinstance(node, Execution) or node.requirement is Requirement.DISABLED:
        return highest, []
    found: list[Finding] = []
    block = blocks.get(node.id)
    if block is not None and block.level < highest:
        found.append(
            _error(
                "F-LEVEL-ORDER",
                node,
                f"“{node.alias}” gives level {block.level} behind a block that gives level {highest}.",
                "Order the blocks by level, the lowest first: Keycloak asks only for the first that it meets.",
            )
        )
    reached = max(highest, block.level if block is not None else 0)
    before, after = reached, [reached]
    for child in node.children:
        behind, more = _order(child, blocks, highest=before)
        found += more
        after.append(behind)
        if child.requirement is not Requirement.ALTERNATIVE:  # alternatives do not come one behind the other
            before = behind
    return max(after), found


def _strength(root: Subflow, block: Block) -> Iterator[Finding]:
    within = _categories(block.node)
    if not within:
        yield _error(
            "F-LEVEL-PROOF",
            block.node,
            f"“{block.node.alias}” gives level {block.level}, but no step in it proves anything.",
            "Put a step that proves a factor into it.",
        )
    elif block.level >= TWO_FACTORS and len(within | _categories(root, before=block.node)) < TWO_FACTORS:
        (category,) = within
        yield _error(
            "F-LEVEL-PROOF",
            block.node,
            f"“{block.node.alias}” gives level {block.level}, but only {category.value} is proven up to its end.",
            "Add a step of another category to it, or before it (RTS (EU) 2018/389 Art. 4(1)).",
        )


def _categories(node: Node, *, before: Subflow | None = None) -> frozenset[Category]:
    """Return the categories that steps within a node can prove; those that stand before another node of it."""
    found: set[Category] = set()
    stop = next(leaves(before), None) if before is not None else None
    for leaf in leaves(node):
        if leaf == stop:
            break
        found |= {factor.category for factor in STEPS[leaf.authenticator].contract.factors.values()}
    return frozenset(found)


def _error(rule: str, node: Node, problem: str, repair: str) -> Finding:
    return Finding(rule=rule, severity=Severity.ERROR, pointer=node.pointer, problem=problem, repair=repair)
