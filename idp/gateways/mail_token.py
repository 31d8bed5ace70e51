"""Access tokens for a mail server (client credentials, RFC 6749 §4.4): fetched when needed, kept until they run out."""

from __future__ import annotations

import httpx
import msgspec

from idp.model.messages.mail import MailToken
from idp.ports import Clock, MessageUndeliveredError

_SOONER = 60  # seconds before its end in which a token is not used any more
_LARGEST = 65536


class _Answer(msgspec.Struct):
    access_token: str
    expires_in: int = 0


class MailTokens:
    """The access token of one mail server's account."""

    def __init__(
        self, token: MailToken, *, clock: Clock, timeout: float, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self._wanted = token
        self._clock = clock
        self._timeout = timeout
        self._transport = transport
        self._value = ""
        self._good_until = 0.0

    async def token(self) -> str:
        """Return a token that can be used now, or raise `MessageUndeliveredError`."""
        if self._clock() >= self._good_until:
            answer = await self._fetched()
            self._value = answer.access_token
            self._good_until = self._clock() + answer.expires_in - _SOONER
        return self._value

    async def _fetched(self) -> _Answer:
        wanted = self._wanted
        form = {"grant_type": "client_credentials"} | ({"scope": wanted.scope} if wanted.scope else {})
        try:
            async with httpx.AsyncClient(
                timeout=self._timeout, follow_redirects=False, trust_env=False, transport=self._transport
            ) as client:
                response = await client.post(
                    wanted.url, data=form, auth=(wanted.client_id, wanted.client_secret.reveal())
                )
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
            # Without the cause: its words may hold the secret, and traces are logged.
            raise MessageUndeliveredError(f"no token for the mail server: {type(error).__name__}") from None
        if not response.is_success or len(response.content) > _LARGEST:
            raise MessageUndeliveredError(f"no token for the mail server: {response.status_code}")
        try:
            return msgspec.json.decode(response.content, type=_Answer)
        except msgspec.DecodeError:
            raise MessageUndeliveredError("no token for the mail server: no token response") from None
