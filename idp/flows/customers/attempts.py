"""Counting attempts around a check: before it, whatever its result (RTS (EU) 2018/389 Art. 4(3)(b))."""

from __future__ import annotations

import msgspec

from idp.crypto.digest import digest
from idp.flows.step import Login, StepEvent, StepServices
from idp.model.policies.lockout import Attempt


async def count(login: Login, services: StepServices, subject: str, factor: str) -> Attempt:
    """Count one attempt of a factor; the caller evaluates it only if it was admitted."""
    return await services.attempts.hit(subject, factor, policy=login.realm.brute_force, now=login.now)


async def count_after_proof(login: Login, services: StepServices, subject: str, factor: str) -> Attempt:
    """Count one attempt of a factor that is asked after another one was proven.

    What was proven before a lock does not outlive it: waiting on an open page until the lock ends is no way around the
    first factor (Keycloak #26177), in this tab or in another.
    """
    lock = (await services.attempts.locks(subject)).of(factor)
    if lock.not_before > login.proven_at:
        return Attempt(admitted=False, lock=lock)
    policy = login.realm.brute_force.of_second_factor()
    return await services.attempts.hit(subject, factor, policy=policy, now=login.now)


async def count_unknown(login: Login, services: StepServices, typed_name: str, factor: str) -> Attempt:
    """Count an attempt for a user that does not exist, so that the same work is done.

    It is forgotten after a while, or anybody could fill the store for ever with names that nobody has.
    """
    policy = msgspec.structs.replace(login.realm.brute_force, permanent_lockout=False)
    subject = "unknown:" + digest(typed_name.casefold())
    return await services.attempts.hit(subject, factor, policy=policy, now=login.now)


def failure_events(attempt: Attempt, *, reason: str, factor: str, user_id: str | None) -> tuple[StepEvent, ...]:
    """Return what a failed attempt has to leave in the log: the failure, and the lock it caused."""
    failed = StepEvent(type="LOGIN_ERROR", error=reason, detail={"factor": factor}, user_id=user_id)
    if not attempt.newly_locked or user_id is None:
        return (failed,)
    kind = "PERMANENT" if attempt.lock.permanent else "TEMPORARY"
    locked = StepEvent(
        type=f"USER_DISABLED_BY_{kind}_LOCKOUT",
        detail={
            "factor": factor,
            "attempts": str(attempt.lock.attempts),
            "lockouts": str(attempt.lock.temporary_lockouts),
        },
        user_id=user_id,
    )
    return (failed, locked)
