"""A text-message gateway that takes an HTTPS POST of JSON, configured by template.

The body is a template with `{to}` and `{text}`; whatever answers 2xx has accepted the message. Redirects are not
followed, and an answer is waited for no longer than `timeout` seconds: the login then says "try again later".
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import httpx

from idp.model.secret import Secret
from idp.ports import MessageUndeliveredError

Template = Mapping[str, Any]


class HttpSms:
    """Implements `idp.ports.SmsSender`."""

    def __init__(
        self,
        *,
        url: str,
        body: Template,
        authorization: Secret | None,
        timeout: float = 3.0,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        headers = {"authorization": authorization.reveal()} if authorization is not None else {}
        self._timeout = timeout
        self._url = url
        self._body = body
        self._client = httpx.AsyncClient(
            headers=headers, timeout=timeout, follow_redirects=False, trust_env=False, transport=transport
        )

    async def send(self, *, to: str, text: str) -> None:
        """Hand the message over, or raise `MessageUndeliveredError` (which names neither number nor text)."""
        filled = _filled(self._body, {"to": to, "text": text})
        try:
            # One bound for all of it: the client's own is for each read, so an answer in drips would never end.
            async with asyncio.timeout(self._timeout):
                response = await self._client.post(
                    self._url, content=json.dumps(filled).encode(), headers={"content-type": "application/json"}
                )
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError, TimeoutError) as error:
            # Without the cause: its words may hold the header with the gateway's secret, and traces are logged.
            raise MessageUndeliveredError(f"the gateway cannot be reached: {type(error).__name__}") from None
        if not response.is_success:
            raise MessageUndeliveredError(f"the gateway answered {response.status_code}")

    async def close(self) -> None:
        """Let go of the connections."""
        await self._client.aclose()


def _filled(template: Any, values: Mapping[str, str]) -> Any:
    """Fill a template: only whole values and parts of text are replaced, so nothing can break out of the JSON."""
    if isinstance(template, str):
        for name, value in values.items():
            template = template.replace("{" + name + "}", value)
        return template
    if isinstance(template, Mapping):
        return {key: _filled(value, values) for key, value in template.items()}
    if isinstance(template, list):
        return [_filled(value, values) for value in template]
    return template
