"""What guards a user's credentials against whoever knows, or reads, too little."""

from __future__ import annotations

import itertools

import pytest

from idp.flows.credentials.held import BY_MESSAGE, STRONG
from idp.flows.registry import ACTIONS, STEPS
from idp.flows.step import StepContract

CONTRACTS = {name: kind.contract for name, kind in STEPS.items()} | {
    name: kind.contract for name, kind in ACTIONS.items()
}
STRONG_CHANGES = {
    name: contract
    for name, contract in CONTRACTS.items()
    if contract.changes is not None and contract.changes.credential in STRONG
}


def test_every_factor_that_arrives_as_a_message_is_known_as_one() -> None:
    proven = {factor for contract in CONTRACTS.values() if contract.sends_message for factor in contract.factors}
    assert proven == BY_MESSAGE


@pytest.mark.parametrize("contract", STRONG_CHANGES.values(), ids=STRONG_CHANGES)
def test_messages_alone_never_give_a_strong_credential(contract: StepContract) -> None:
    """Bank.md 2.3, 4.6: whoever reads the mailbox for a moment, and the text messages too, gets no token by it."""
    change = contract.changes
    assert change is not None
    for few in range(len(BY_MESSAGE) + 1):
        for proven in itertools.combinations(sorted(BY_MESSAGE), few):
            assert change.refusal(frozenset(proven), held=frozenset()) is not None, proven
    assert change.refusal(frozenset({"password", "email"}), held=frozenset()) is None
