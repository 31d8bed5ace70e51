"""What may be answered while everything breaks: the service, a refusal, or when to come again. Nothing else."""

from __future__ import annotations

import httpx


class BrokenPromiseError(AssertionError):
    """Something acknowledged is gone, was done twice, or was answered as nothing may be answered."""


class ForgottenError(BrokenPromiseError):
    """What lives minutes, a login in progress or a code, is not there. Only a Redis that was emptied may do that."""


class ToldToComeAgainError(Exception):
    """The provider cannot do it now; whether it has done it is in doubt."""


GONE_WRONG = (httpx.NetworkError, httpx.RemoteProtocolError, ToldToComeAgainError)
"""What a fault may do to a customer: cut the connection, or send them away. To let them wait for ever is not in it."""


async def judged(response: httpx.Response) -> None:
    """Hold every answer to what may be answered: a hook of the client.

    Raises:
        ToldToComeAgainError: 503, with the time after which to come again, and with words or an error for a client.
        ForgottenError: 410, the page of a login that is not there.
        BrokenPromiseError: an answer that nobody may get.

    """
    status = response.status_code
    if status <= httpx.codes.BAD_REQUEST:
        return
    await response.aread()
    if status == httpx.codes.GONE:
        raise ForgottenError(f"{response.request.url} is answered by {status}: {response.text}")
    if status != httpx.codes.SERVICE_UNAVAILABLE:
        raise BrokenPromiseError(f"{response.request.url} is answered by {status}: {response.text}")
    if not response.headers.get("retry-after", "").isdigit():
        raise BrokenPromiseError(f"{response.request.url} does not say when to come again")
    if "error-message" not in response.text and "temporarily_unavailable" not in response.text:
        raise BrokenPromiseError(f"{response.request.url} is refused without words: {response.text}")
    raise ToldToComeAgainError(response.request.url.path)
