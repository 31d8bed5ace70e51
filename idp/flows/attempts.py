"""Counting attempts around a check: before it, whatever its result (RTS (EU) 2018/389 Art. 4(3)(b))."""

from __future__ import annotations

from idp.flows.step import Login, StepEvent, StepServices
from idp.model.lockout import Attempt


async def count(login: Login, services: StepServices, subject: str, factor: str) -> Attempt:
    """Count one attempt of a factor; the caller evaluates it only if it was admitted."""
    return await services.attempts.hit(subject, factor, policy=login.realm.brute_force, now=login.now)


def failure_events(attempt: Attempt, *, reason: str, factor: str, user_id: str | None) -> tuple[StepEvent, ...]:
    """Return what a failed attempt has to leave in the log: the failure, and the lock it caused."""
    failed = StepEvent(type="LOGIN_ERROR", error=reason, detail={"factor": factor}, user_id=user_id)
    if not attempt.newly_locked or user_id is None:
        return (failed,)
    kind = "PERMANENT" if attempt.lock.permanent else "TEMPORARY"
    locked = StepEvent(
        type=f"USER_DISABLED_BY_{kind}_LOCKOUT",
        detail={"factor": factor, "attempts": str(attempt.lock.attempts)},
        user_id=user_id,
    )
    return (failed, locked)
