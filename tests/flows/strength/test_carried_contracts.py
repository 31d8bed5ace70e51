"""What a session counts for, against every contract that there is: the prover's argument about single sign-on."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from idp.flows.registry import ACTIONS, STEPS
from idp.flows.step import StepContract
from idp.flows.strength.carried import carried
from idp.flows.tree import Execution
from idp.flows.webauthn.factors import with_passkeys
from idp.model.credentials.webauthn import WebAuthnPolicy
from idp.model.flow import Evidence, Requirement
from idp.model.flow_kind import FlowKind
from idp.model.session import AuthenticationSession
from idp.model.user import User

CONTRACTS: dict[str, StepContract] = {
    **{name: kind.contract for name, kind in STEPS.items()},
    **{name: kind.contract for name, kind in ACTIONS.items()},
    **{
        f"{name} with passkeys": with_passkeys(kind.contract, WebAuthnPolicy(passkeys=True))
        for name, kind in STEPS.items()
    },
}
FACTORS = {factor.name: factor for contract in CONTRACTS.values() for way in contract.ways for factor in way}


@given(name=st.sampled_from(sorted(CONTRACTS)), earlier=st.sets(st.sampled_from(sorted(FACTORS))))
def test_a_session_never_counts_for_more_than_a_way_of_the_contract(name: str, earlier: set[str]) -> None:
    """On this stands that single sign-on needs no exploration of its own: each such login is one that is followed."""
    proofs = tuple(
        Evidence(
            execution="before",
            factor=factor,
            category=FACTORS[factor].category,
            channel=FACTORS[factor].channel,
            amr=(),
            at=0,
            ceremony="before",
        )
        for factor in sorted(earlier)
    )
    contract = CONTRACTS[name]
    login = AuthenticationSession(
        tab_id="tab",
        browser="",
        transaction_id="",
        kind=FlowKind.BROWSER,
        flow="login",
        realm_version="",
        client_id="",
        created_at=0,
        valid_until=0,
        expires_at=0,
        sso_sid="sid",
        earlier=proofs,
    )
    place = Execution(id="place", authenticator=name, requirement=Requirement.REQUIRED)
    user = User(id="user-1", username="ana", created_at=0)
    found = carried(login, user, place, contract, longest={}, most=None, now=0)
    ways = [{factor.name for factor in way} for way in contract.ways]
    assert {one.factor for one in found} in [set(), *ways]
    assert {one.factor for one in found} <= earlier
    assert {one.execution for one in found} <= {"place"}
    assert bool(found) == any(way and way <= earlier for way in ways)
