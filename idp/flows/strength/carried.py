"""Single sign-on: what a user session has proven counts in the flow of another login, factor by factor.

A session answers for no flow as a whole. The flow of the client is run, and a step that proves a factor is done if the
session has proven that very factor, by a credential that the user still has, and not too long ago; whatever is missing
is asked. So a session is never worth more than the client's own flow demands (T-11), and access rules beside the steps
are decided with every login (T-10).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from idp.flows.step import StepContract
from idp.flows.tree import Execution
from idp.model.flow import Evidence
from idp.model.session import AuthenticationSession
from idp.model.user import User

_PASSWORD = "password"  # noqa: S105 - the name of a factor


def carried(
    login: AuthenticationSession,
    user: User,
    execution: Execution,
    contract: StepContract,
    *,
    longest: Mapping[str, int],
    most: int | None,
    now: int,
) -> tuple[Evidence, ...]:
    """Return what the session that answers has proven of a step, as evidence of this step; nothing if it is asked.

    `longest` is for how many seconds a proof lasts, by execution; `most` is how old it may be for this request.
    """
    fresh = {
        proof.factor: proof
        for proof in login.earlier
        if _is_held(proof, user) and _fresh(now - proof.at, longest.get(execution.id), most)
    }
    # The fullest way: a passkey that was unlocked must not become one that was not (decision 0026).
    ways = (way for way in contract.ways if all(factor.name in fresh for factor in way))
    fullest = max(ways, key=len, default=())
    return tuple(msgspec.structs.replace(fresh[factor.name], execution=execution.id) for factor in fullest)


def identified(login: AuthenticationSession, contract: StepContract) -> bool:
    """Tell whether a step that only asks who it is has nothing to ask, since the session says so."""
    return bool(login.sso_sid) and contract.identifies and contract.proves is None and not contract.silent


def stems_from(proof: Evidence, session: Iterable[Evidence]) -> bool:
    """Tell whether evidence is what a session has proven, whichever step it counts for here."""
    return any(
        (one.factor, one.category, one.at, one.ceremony, one.credential_id)
        == (proof.factor, proof.category, proof.at, proof.ceremony, proof.credential_id)
        for one in session
    )


def _is_held(proof: Evidence, user: User) -> bool:
    """Tell whether the user still has what was proven.

    Not asked of a password: whoever had to choose a new one at the end of the login has proven the former one, and a
    change by anybody else ends what was proven before it (`not_before`).
    """
    if proof.credential_id is None or proof.factor == _PASSWORD:
        return True
    return any(credential.id == proof.credential_id for credential in user.credentials)


def _fresh(age: int, longest: int | None, most: int | None) -> bool:
    if longest is not None and age >= longest:
        return False
    # max_age=0 is prompt=login in other words (OpenID Connect Core §3.1.2.1), also within the same second.
    return most is None or (most > 0 and age <= most)
