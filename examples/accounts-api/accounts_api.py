"""The bank's accounts as an API: what a developer of a resource server copies.

`GET /accounts` (scope `accounts`) · `GET /accounts/{iban}/transactions` (also a recent strong login, RFC 9470) ·
`POST /payments` (scope `payments`, and exactly the payment that the customer agreed to, RFC 9396).
"""

from __future__ import annotations

import contextlib
import json
import uuid
from typing import TYPE_CHECKING, Any

from guard import Access, Guard
from ledger import accounts, transactions
from possession import Possession
from refusals import RefusedError, not_agreed
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route
from tokens import Provider, UnavailableError, tokens

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

    from api_settings import Settings
    from starlette.requests import Request

    Answer = Callable[[Request], Awaitable[tuple[int, Any]]]

PAYMENT = "payment_initiation"
_LARGEST_PAYMENT = 16 * 1024  # bytes
_INTERACTION = "x-fapi-interaction-id"


def api(settings: Settings, *, clock: Callable[[], float]) -> Starlette:
    """Put the API together."""
    provider = Provider(settings)
    guard = Guard(
        settings, tokens=tokens(settings, provider, clock), possession=Possession(settings, clock), clock=clock
    )

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        await provider.close()

    async def list_accounts(request: Request) -> tuple[int, Any]:
        access = await guard.admit(request, scope="accounts")
        return 200, {"accounts": accounts(access.subject)}

    async def list_transactions(request: Request) -> tuple[int, Any]:
        access = await guard.admit(request, scope="accounts", recent=True)
        found = transactions(access.subject, request.path_params["iban"])
        return (404, {"error": "not_found"}) if found is None else (200, {"transactions": found})

    async def pay(request: Request) -> tuple[int, Any]:
        access = await guard.admit(request, scope="payments")
        payment = await _payment(request)
        if not _agreed(access, payment):
            # RTS (EU) 2018/389 Art. 5(1): an authorization is for this amount and this payee, or for nothing.
            raise not_agreed(scheme=access.scheme)
        return 201, {"payment_id": str(uuid.uuid4()), "status": "accepted", **payment}

    return Starlette(
        routes=[
            Route("/accounts", _served(list_accounts), methods=["GET"]),
            Route("/accounts/{iban}/transactions", _served(list_transactions), methods=["GET"]),
            Route("/payments", _served(pay), methods=["POST"]),
        ],
        lifespan=lifespan,
    )


def _served(answer: Answer) -> Callable[[Request], Awaitable[Response]]:
    """Turn an answer, or every way to fail, into a response."""

    async def endpoint(request: Request) -> Response:
        headers = {"cache-control": "no-store", _INTERACTION: _interaction(request)}
        try:
            status, content = await answer(request)
        except RefusedError as refused:
            status = refused.status
            content = {"error": refused.error, "error_description": refused.description} if refused.error else {}
            headers["www-authenticate"] = refused.www_authenticate
        except UnavailableError:
            status, content = 503, {"error": "temporarily_unavailable"}
            headers["retry-after"] = "5"
        return Response(json.dumps(content), status, headers, media_type="application/json")

    return endpoint


def _interaction(request: Request) -> str:
    """Return the caller's correlation id, or a new one (FAPI 1.0 Baseline §6.2.1 points 11 and 12)."""
    try:
        return str(uuid.UUID(request.headers.get(_INTERACTION, "")))
    except ValueError:
        return str(uuid.uuid4())


async def _payment(request: Request) -> dict[str, Any]:
    try:
        body = bytearray()
        async for part in request.stream():
            body += part
            if len(body) > _LARGEST_PAYMENT:
                raise RefusedError(413, "invalid_request", "The payment is too large.")
        payment = json.loads(bytes(body))
        return {name: payment[name] for name in ("instructedAmount", "creditorName", "creditorAccount")}
    except (ValueError, KeyError, TypeError):
        raise RefusedError(400, "invalid_request", "A payment names amount, creditor and account.") from None


def _agreed(access: Access, payment: Mapping[str, Any]) -> bool:
    agreed = (detail for detail in access.authorization_details if detail.get("type") == PAYMENT)
    return any(all(detail.get(name) == value for name, value in payment.items()) for detail in agreed)
