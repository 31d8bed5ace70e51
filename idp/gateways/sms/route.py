"""`/sms-receipts/{gateway}`: the address at which gateways tell what became of messages."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from structlog.typing import FilteringBoundLogger

from idp.gateways.sms.at_work import RECEIPTS, TellReceipt
from idp.gateways.sms.receipts import ReceiptCall, ReceiptDoor, UnprovenReceiptError, UnreadableReceiptError
from idp.ports import StoreUnavailableError

_LARGEST = 32 * 1024  # bytes


def receipt_routes(
    *, doors: Mapping[str, ReceiptDoor], base_url: str, keep: TellReceipt, log: FilteringBoundLogger
) -> list[Route]:
    """Return the routes of the gateways that have receipts; there is none where none has."""

    async def endpoint(request: Request) -> Response:
        door = doors.get(request.path_params["gateway"])
        if door is None:
            return Response(status_code=404)
        body = await request.body()
        if len(body) > _LARGEST:
            return Response(status_code=413)
        try:
            told = door.receipts(_call(request, door, body, base_url))
            for receipt in told:
                await keep(receipt)
        except UnprovenReceiptError:
            # As for an address that is not there: nobody learns by guessing that a secret would open something.
            log.warning("receipt not proven", gateway=door.gateway)
            return Response(status_code=404)
        except UnreadableReceiptError as error:
            log.warning("receipt not read", gateway=door.gateway, reason=str(error))
            return Response(status_code=400)
        except StoreUnavailableError as error:
            log.warning("store unavailable", reason=str(error))
            return Response(status_code=503, headers={"retry-after": "30"})  # gateways tell it again
        return Response(status_code=204)

    if not doors:
        return []
    methods = ["GET", "POST"]
    return [
        Route(f"{RECEIPTS}/{{gateway}}", endpoint, methods=methods),
        Route(f"{RECEIPTS}/{{gateway}}/{{secret}}", endpoint, methods=methods),
    ]


def _call(request: Request, door: ReceiptDoor, body: bytes, base_url: str) -> ReceiptCall:
    return ReceiptCall(
        address=f"{base_url}{RECEIPTS}/{door.gateway}",
        proof_in_path=request.path_params.get("secret", ""),
        query=request.scope["query_string"],
        headers=dict(request.headers),
        body=body,
    )
