"""A text-message gateway that is asked by HTTPS, as its template says.

Redirects are not followed, and an answer is waited for no longer than `timeout` seconds: the login then says "try again
later". What went wrong is told without number, text or secret.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Mapping

import httpx

from idp.gateways.sms.at_work import TellReceipt
from idp.gateways.sms.template import HttpRequest, HttpTemplate, message_id_of, message_values, request_of
from idp.model.messages.message import Carried
from idp.model.secret import Secret
from idp.ports import MessageUndeliveredError

_LARGEST_ANSWER = 64 * 1024  # bytes
_TO_CONNECT = 0.6  # of the time: a gateway that cannot be reached is told from one that does not answer
# The request never left this machine whole: nobody can have sent the message.
_NEVER_ASKED = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.UnsupportedProtocol,
    httpx.LocalProtocolError,
    httpx.InvalidURL,
    UnicodeError,
)


class HttpSms:
    """Implements `idp.ports.SmsSender`."""

    def __init__(
        self,
        template: HttpTemplate,
        *,
        name: str,
        secret: Secret | None = None,
        settled: Mapping[str, str] = {},
        timeout: float = 3.0,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """`settled` are the placeholders that are the same for every message: sender, account, callback."""
        self._template = template
        self._name = name
        self._secret = secret
        self._settled = settled
        self._timeout = timeout
        self._client = httpx.AsyncClient(
            timeout=httpx.Timeout(timeout, connect=timeout * _TO_CONNECT),
            follow_redirects=False,
            trust_env=False,
            transport=transport,
        )

    async def send(self, *, to: str, text: str) -> Carried:
        """Hand the message over, or raise `MessageUndeliveredError` (which names neither number nor text)."""
        request = request_of(self._template, {**self._values(), **message_values(to=to, text=text)})
        try:
            # One bound for all of it: the client's own is for each read, so an answer in drips would never end.
            async with asyncio.timeout(self._timeout):
                status, content = await self._asked(request)
        except _NEVER_ASKED as error:
            # Without the cause: its words may hold the header with the gateway's secret, and traces are logged.
            raise MessageUndeliveredError(f"the gateway cannot be reached: {type(error).__name__}") from None
        except (httpx.HTTPError, TimeoutError) as error:
            reason = f"the gateway does not answer: {type(error).__name__}"
            raise MessageUndeliveredError(reason, perhaps_sent=True) from None
        return Carried(gateway=self._name, message_id=message_id_of(self._template, status, content))

    async def _asked(self, request: HttpRequest) -> tuple[int, bytes]:
        stream = self._client.stream(
            request.method, request.url, headers=request.headers, content=request.content or None
        )
        content = b""
        async with stream as response:
            async for chunk in response.aiter_bytes():
                content += chunk
                if len(content) > _LARGEST_ANSWER:
                    break  # what is cut off is no JSON, so it says nothing
            return response.status_code, content

    def _values(self) -> dict[str, str]:
        secret = self._secret.reveal() if self._secret is not None else ""
        basic = base64.b64encode(f"{self._settled.get('account', '')}:{secret}".encode()).decode()
        return {**self._settled, "secret": secret, "basic": basic}

    def start(self, tell: TellReceipt) -> None:
        """Nothing to begin: its receipts come to an address of ours."""

    async def close(self) -> None:
        """Let go of the connections."""
        await self._client.aclose()
