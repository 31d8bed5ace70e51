"""Levels of authentication within a flow: sub-flows guarded by the condition of a level, and how long each lasts.

A level is what its block has proven, never what was asked for: it counts if the steps of the block have evidence, and
from the second level on only if the evidence of the login spans two categories (RTS (EU) 2018/389 Art. 4(1)).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from idp.flows.conditions.request import LevelConfig
from idp.flows.engine import passed
from idp.flows.strength.levels import TWO_FACTORS, level_of
from idp.flows.tree import Subflow, leaves, subflows
from idp.model.flow import Evidence, Requirement, Status
from idp.model.struct import Frozen

LEVEL_CONDITION = "conditional-level-of-authentication"


class Block(Frozen, frozen=True, kw_only=True):
    """A sub-flow that gives a level, which lasts for `max_age` seconds of a user session (0: for its login alone)."""

    level: int
    max_age: int
    node: Subflow


def blocks_of(root: Subflow) -> Iterator[Block]:
    """Yield the blocks of a flow in the order in which a login comes by them."""
    for node in subflows(root):
        for guard in node.conditions:
            if guard.authenticator == LEVEL_CONDITION and guard.requirement is not Requirement.DISABLED:
                config = msgspec.convert(guard.config, LevelConfig, strict=False)
                yield Block(level=config.level, max_age=config.max_age, node=node)


def reached_level(blocks: tuple[Block, ...], progress: Mapping[str, Status], evidence: Iterable[Evidence]) -> int:
    """Return the level of a login: that of its strongest block, or, without one, that of its evidence alone."""
    proofs = tuple(evidence)
    proven, by_evidence = {proof.execution for proof in proofs}, level_of(proofs)
    reached = [
        block.level
        for block in blocks
        if (block.level < TWO_FACTORS or by_evidence >= TWO_FACTORS)
        and any(leaf.id in proven for leaf in leaves(block.node))
        and passed(block.node, progress)
    ]
    return max(reached, default=by_evidence if not blocks else min(by_evidence, blocks[0].level))


def longest_ages(blocks: Iterable[Block]) -> dict[str, int]:
    """Return for how many seconds a proof lasts, by execution; one that is not in any block lasts with its session."""
    ages: dict[str, int] = {}
    for block in blocks:
        for leaf in leaves(block.node):
            ages[leaf.id] = min(block.max_age, ages.get(leaf.id, block.max_age))
    return ages
