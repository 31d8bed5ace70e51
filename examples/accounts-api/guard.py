"""The one door of the API: a request in, what it may do out, or a refusal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from refusals import insufficient_scope, invalid_token, nothing_sent, step_up

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from api_settings import Settings
    from possession import Possession
    from starlette.requests import Request
    from tokens import Tokens


class Access(msgspec.Struct, frozen=True, kw_only=True):
    """What a request has proven: who (`subject`), through which application, and what was granted."""

    subject: str
    client_id: str
    scheme: str
    """`Bearer` or `DPoP`: how a refusal further in is to be worded."""
    authorization_details: tuple[Mapping[str, Any], ...] = ()
    """RFC 9396 §7: what exactly was agreed to."""


class Guard:
    """Checks token, possession, scope and authentication, in this order."""

    def __init__(
        self, settings: Settings, *, tokens: Tokens, possession: Possession, clock: Callable[[], float]
    ) -> None:
        self._settings = settings
        self._tokens = tokens
        self._possession = possession
        self._clock = clock

    async def admit(self, request: Request, *, scope: str, recent: bool = False) -> Access:
        """Let a request in that may do what `scope` says.

        `recent` demands the strong and recent authentication of the settings (RFC 9470).

        Raises:
            RefusedError: with status and challenge.
            UnavailableError: the provider cannot be asked.

        """
        scheme, token = _presented(request)
        claims = await self._tokens.claims(token)
        self._possession.check(request, scheme=scheme, token=token, claims=claims)
        named = "DPoP" if scheme == "dpop" else "Bearer"
        subject, client_id = claims.get("sub"), claims.get("client_id")
        if not isinstance(subject, str) or not isinstance(client_id, str):
            raise invalid_token(scheme=named)
        if scope not in str(claims.get("scope", "")).split():
            raise insufficient_scope(scope, scheme=named)
        if recent and not self._is_recent(claims):
            raise step_up(self._settings.step_up_acr, self._settings.step_up_seconds, scheme=named)
        details = claims.get("authorization_details")
        return Access(
            subject=subject,
            client_id=client_id,
            scheme=named,
            authorization_details=tuple(details) if isinstance(details, list) else (),
        )

    def _is_recent(self, claims: Mapping[str, Any]) -> bool:
        auth_time = claims.get("auth_time")
        strong = claims.get("acr") == self._settings.step_up_acr
        return strong and type(auth_time) is int and self._clock() - auth_time <= self._settings.step_up_seconds


def _presented(request: Request) -> tuple[str, str]:
    """Return scheme and token of the header, and of nowhere else: addresses stand in logs (FAPI 2.0 §5.3.4)."""
    headers = request.headers.getlist("authorization")
    if len(headers) != 1:
        raise nothing_sent()
    scheme, _, token = headers[0].strip().partition(" ")
    if scheme.lower() not in {"bearer", "dpop"} or not token.strip():
        raise nothing_sent()
    return scheme.lower(), token.strip()
