"""What the prover and the review know of each step comes from the step's own contract."""

from __future__ import annotations

from idp.flows.registry import STEPS
from idp.realms.review.factors import PROVES


def test_the_review_knows_what_every_step_proves() -> None:
    proven = {name: step.contract.proves.name for name, step in STEPS.items() if step.contract.proves is not None}
    assert dict(PROVES) == proven
