"""Judging the code of a soft token, by time (RFC 6238) or by counter (RFC 4226): accepted once."""

from __future__ import annotations

import msgspec

from idp.crypto.one_time_codes import accepted_counter, accepted_step
from idp.flows.customers.users import amend
from idp.flows.step import StepServices
from idp.model.user import OtpCredential, User

_REMEMBERED = 90 * 86400
"""Seconds for which the last step of a token is remembered after its use: a clock may be wrong, but not by so much."""


async def burnt(
    services: StepServices, seed: bytes, code: str, token: OtpCredential, *, now: int, window: int
) -> int | None:
    """Return the time step or counter that the code belongs to, now used up; None if it is not to be accepted.

    RFC 6238 §5.2, RFC 4226 §7.2: of two requests with the same code only one burns it, and everything before it.
    """
    if token.kind == "hotp":
        found = accepted_counter(
            seed, code, expected=token.counter, algorithm=token.algorithm, digits=token.digits, window=window
        )
    else:
        found = accepted_step(
            seed,
            code,
            now=now,
            algorithm=token.algorithm,
            digits=token.digits,
            period=token.period,
            window=window,
        )
    # A step of so long ago is in nobody's window; the next code of an HOTP token is the next one in any year.
    ttl = None if token.kind == "hotp" else _REMEMBERED
    return found if found is not None and await services.counters.burn(token.id, found, ttl=ttl) else None


async def moved_on(services: StepServices, user_id: str, token: OtpCredential, counter: int) -> None:
    """Keep the counter that is expected next; nothing of it decides whether a code is accepted twice (`burnt`)."""
    if token.kind != "hotp":
        return

    def moved(user: User) -> User:
        credentials = tuple(
            msgspec.structs.replace(credential, counter=max(credential.counter, counter + 1))
            if isinstance(credential, OtpCredential) and credential.id == token.id
            else credential
            for credential in user.credentials
        )
        return msgspec.structs.replace(user, credentials=credentials)

    await amend(services.users, user_id, moved)
