"""The whole provider with a gateway on a socket: what leaves by it, and what it tells at its own address."""

from __future__ import annotations

import contextlib
import json
import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from idp.app import Outside, Site, open_site
from idp.model.messages.message import DeliveryState
from idp.settings.gateways import Sms, SmsGateway, SmsReceipts
from tests.fakes import FakeClock
from tests.gateways.sms.http_server import Gateway, answering
from tests.stories.settled import logging_to, quiet
from tests.stories.world import BANK, ORIGIN, prepared

pytestmark = pytest.mark.anyio
SECRET = "of the receipts"
ANSWER = b'{"id": "m-1"}'


@contextlib.asynccontextmanager
async def at_work(
    folder: Path, server: Gateway, lines: list[dict[str, Any]] | None = None
) -> AsyncIterator[tuple[Site, httpx.AsyncClient]]:
    """A provider whose messages go to `server`; and somebody who calls it."""
    (folder / "secret").write_text("of the gateway\n")
    (folder / "receipts").write_text(SECRET)
    main = SmsGateway(
        url=server.url,
        secret_file=str(folder / "secret"),
        headers={"X-Api-Key": "{secret}"},
        body={"to": "{to}", "text": "{text}"},
        message_id_at="id",
        receipts=SmsReceipts(
            proof="path",
            secret_file=str(folder / "receipts"),
            message_id="id",
            state="state",
            delivered=("arrived",),
            undelivered=("lost",),
        ),
    )
    site = await open_site(
        msgspec.structs.replace(prepared(folder), sms=Sms(gateway="configured", main=main)),
        outside=Outside(clock=FakeClock(), random=secrets.token_bytes, environment={"BANK_URL": BANK}),
        log=logging_to((lines if lines is not None else []).append),
    )
    transport = httpx.ASGITransport(app=site.application)
    try:
        async with httpx.AsyncClient(transport=transport, base_url=ORIGIN) as http:
            yield site, http
    finally:
        await site.close()


async def test_first_passwords_leave_by_the_gateway_with_its_secret(tmp_path: Path) -> None:
    with answering(201, ANSWER) as server:
        async with at_work(tmp_path, server):
            bodies = [json.loads(body) for _, _, body in server.asked]
    assert sorted(body["to"] for body in bodies) == [f"+35569200{end:04}" for end in (101, 102, 201, 202)]
    assert {headers["x-api-key"] for _, headers, _ in server.asked} == {"of the gateway"}


async def test_a_receipt_is_kept_where_it_proves_itself(tmp_path: Path) -> None:
    with answering(201, ANSWER) as server:
        async with at_work(tmp_path, server) as (site, http):
            told = {"id": "m-9", "state": "lost"}
            for path in (f"/sms-receipts/main/{SECRET}x", "/sms-receipts/main", f"/sms-receipts/spare/{SECRET}"):
                assert (await http.post(path, json=told)).status_code == 404
            messages = site.desks["small-business"].provider.stores.message_deliveries
            assert await messages.get("main", "m-9") is None
            assert (await http.post(f"/sms-receipts/main/{SECRET}", json=told)).status_code == 204
            kept = await messages.get("main", "m-9")
            assert kept is not None
            assert kept.state is DeliveryState.UNDELIVERED
            assert (await http.get(f"/sms-receipts/main/{SECRET}", params=told)).status_code == 204


async def test_a_receipt_that_cannot_be_read_is_refused_and_told_without_its_content(tmp_path: Path) -> None:
    lines: list[dict[str, Any]] = []
    with answering(201, ANSWER) as server:
        async with at_work(tmp_path, server, lines) as (_, http):
            address = f"/sms-receipts/main/{SECRET}"
            assert (await http.post(address, json={"number": "+355692000101"})).status_code == 400
            assert (await http.post(address, content=b"id=m&id=n&state=lost")).status_code == 400
            assert (await http.post(address, content=b"x" * 40_000)).status_code == 413
            assert (await http.put(address)).status_code == 405
    assert [line["event"] for line in lines].count("receipt not read") == 2
    assert "+355692000101" not in repr(lines)
    assert SECRET not in repr(lines)


async def test_where_no_gateway_tells_anything_there_is_no_such_address(tmp_path: Path) -> None:
    site = await open_site(
        prepared(tmp_path),
        outside=Outside(clock=FakeClock(), random=secrets.token_bytes, environment={"BANK_URL": BANK}),
        log=quiet(),
    )
    try:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=site.application), base_url=ORIGIN) as http:
            assert (await http.post("/sms-receipts/main", json={})).status_code == 404
    finally:
        await site.close()


async def test_a_start_with_the_outbox_says_so(tmp_path: Path) -> None:
    lines: list[dict[str, Any]] = []
    site = await open_site(
        prepared(tmp_path),
        outside=Outside(clock=FakeClock(), random=secrets.token_bytes, environment={"BANK_URL": BANK}),
        log=logging_to(lines.append),
    )
    await site.close()
    assert any("outbox" in line["event"] and line["level"] == "warning" for line in lines)
