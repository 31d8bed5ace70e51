"""The SMPP client against a message centre on a real socket."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
import ssl
import traceback
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from idp.gateways.sms import smpp_pdu
from idp.gateways.sms.smpp import MessageCentre, SmppSms
from idp.model.messages.message import Carried, DeliveryState, Receipt
from idp.model.secret import Secret
from idp.ports import MessageUndeliveredError, StoreUnavailableError
from tests.certificates import SERVER_AUTH, authority, issued
from tests.gateways.sms.message_centre import (
    BIND,
    DELIVER,
    ENQUIRE,
    SUBMIT,
    UNBIND,
    centre_at_work,
    pdu,
    receipt,
)
from tests.patience import PATIENCE, until, until_true
from tests.stories.settled import logging_to, quiet

pytestmark = pytest.mark.anyio
PHONE, TEXT = "+355692000101", "Kodi i verifikimit: 481516"
SHORT = 0.3  # seconds for what never comes


class Listener:
    """Whoever is told of receipts; it cannot keep them while `full`."""

    def __init__(self) -> None:
        self.told: asyncio.Queue[Receipt] = asyncio.Queue()
        self.full = False

    async def tell(self, receipt: Receipt) -> None:
        if self.full:
            raise StoreUnavailableError("full")
        self.told.put_nowait(receipt)


@contextlib.asynccontextmanager
async def client(
    port: int, listener: Listener | None = None, lines: list[dict[str, Any]] | None = None, **changed: Any
) -> AsyncIterator[SmppSms]:
    made = MessageCentre(
        host="127.0.0.1",
        port=port,
        system_id="bank",
        password=Secret("pw-7431"),
        sender="BANKA",
        system_type="otp",
        timeout=PATIENCE,
        first_pause=0.01,
    )
    log = logging_to((lines if lines is not None else []).append)
    gateway = SmppSms(msgspec.structs.replace(made, **changed), name="spare", log=log)
    gateway.start((listener or Listener()).tell)
    try:
        yield gateway
    finally:
        await gateway.close()


async def refusal(gateway: SmppSms, text: str = TEXT) -> MessageUndeliveredError:
    with pytest.raises(MessageUndeliveredError) as refused:
        await gateway.send(to=PHONE, text=text)
    told = "".join(traceback.format_exception(refused.value))
    for secret in (PHONE, "481516", "pw-7431"):
        assert secret not in told.replace(TEXT, "")
    return refused.value


async def connected(gateway: SmppSms) -> None:
    """Wait until a message went out, however short its patience is for a machine that is busy with other things."""

    async def handed_over() -> bool:
        with contextlib.suppress(MessageUndeliveredError):
            await gateway.send(to=PHONE, text=TEXT)
            return True
        return False

    await until_true(handed_over)


async def test_a_message_is_handed_over_with_a_request_for_a_receipt() -> None:
    async with centre_at_work() as centre, client(centre.port) as gateway:
        assert await gateway.send(to=PHONE, text=TEXT) == Carried(gateway="spare", message_id="m-1")
        assert centre.binds == [("bank", "pw-7431", "otp")]
        assert centre.submitted == [
            {
                "source": (5, 0, "BANKA"),
                "to": (1, 1, PHONE[1:]),
                "esm_class": 0,
                "registered": 1,
                "coding": 0,
                "message": TEXT.encode(),
            }
        ]


async def test_a_message_goes_out_although_nobody_listens_for_receipts() -> None:
    async with centre_at_work() as centre:
        made = MessageCentre(host="127.0.0.1", port=centre.port, system_id="bank", password=Secret("x"), sender="BANKA")
        gateway = SmppSms(made, name="main", log=quiet())
        assert (await gateway.send(to=PHONE, text=TEXT)).message_id == "m-1"
        centre.tell("m-1", "DELIVRD")
        await centre.until(DELIVER | 0x80000000)
        await gateway.close()


@pytest.mark.parametrize(("sender", "kind"), [("+355692000000", (1, 1, "355692000000")), ("55255", (3, 1, "55255"))])
async def test_a_sender_of_digits_is_a_number(sender: str, kind: tuple[int, int, str]) -> None:
    async with centre_at_work() as centre, client(centre.port, sender=sender) as gateway:
        await gateway.send(to=PHONE, text=TEXT)
        assert centre.submitted[0]["source"] == kind


async def test_albanian_letters_go_as_ucs2() -> None:
    async with centre_at_work() as centre, client(centre.port) as gateway:
        await gateway.send(to=PHONE, text="Kodi juaj është 481516")
        (sent,) = centre.submitted
        assert sent["coding"] == 8
        assert sent["message"].decode("utf-16-be") == "Kodi juaj është 481516"


async def test_a_long_message_goes_in_parts_that_the_phone_puts_together() -> None:
    async with centre_at_work() as centre, client(centre.port) as gateway:
        assert (await gateway.send(to=PHONE, text="a" * 200)).message_id == "m-1"
        first, second = centre.submitted
        assert {first["esm_class"], second["esm_class"]} == {0x40}
        assert first["message"][:6] == bytes([5, 0, 3, 1, 2, 1])
        assert second["message"][:6] == bytes([5, 0, 3, 1, 2, 2])
        assert first["message"][6:] + second["message"][6:] == b"a" * 200
        await gateway.send(to=PHONE, text="a" * 200)
        assert centre.submitted[2]["message"][3] == 2, "another message has another reference"


@pytest.mark.parametrize(("status", "of_message"), [(0x0B, True), (0x58, False), (0x14, False), (0x08, False)])
async def test_a_refused_message_is_known_not_to_be_sent(status: int, *, of_message: bool) -> None:
    async with centre_at_work() as centre, client(centre.port) as gateway:
        centre.answers[SUBMIT] = status
        error = await refusal(gateway)
        assert not error.perhaps_sent
        assert error.of_message is of_message


async def test_a_centre_that_does_not_answer_may_have_sent_the_message() -> None:
    async with centre_at_work() as centre, client(centre.port) as gateway:
        await gateway.send(to=PHONE, text=TEXT)
        centre.mute.add(SUBMIT)
        asked = asyncio.create_task(refusal(gateway))
        await centre.until(SUBMIT)
        await centre.until(SUBMIT)
        centre.hang_up()
        assert (await asked).perhaps_sent


async def test_a_centre_that_is_too_slow_may_have_sent_the_message() -> None:
    async with centre_at_work() as centre, client(centre.port, timeout=SHORT) as gateway:
        await connected(gateway)
        centre.mute.add(SUBMIT)
        assert (await refusal(gateway)).perhaps_sent


async def test_a_message_of_which_a_part_was_refused_is_half_sent() -> None:
    async with centre_at_work() as centre, client(centre.port) as gateway:
        sending = asyncio.create_task(refusal(gateway, "a" * 200))
        await centre.until(SUBMIT)
        centre.answers[SUBMIT] = 0x14
        assert (await sending).perhaps_sent


async def test_a_centre_that_is_not_there_has_sent_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    async with client(port, timeout=SHORT) as gateway:
        assert not (await refusal(gateway)).perhaps_sent


async def test_a_centre_that_lets_nobody_in_is_told_of_without_the_password() -> None:
    lines: list[dict[str, Any]] = []
    async with centre_at_work() as centre:
        centre.answers[BIND] = 0x0E
        async with client(centre.port, lines=lines, timeout=SHORT) as gateway:
            await until(lambda: "message centre refuses" in [line["event"] for line in lines])
            knocked = len(centre.binds)
            assert not (await refusal(gateway)).perhaps_sent
    assert [line["status"] for line in lines if line["event"] == "message centre refuses"] == ["0xe"]
    assert "pw-7431" not in repr(lines)
    assert len(centre.binds) == knocked, "it does not knock again at once: accounts get locked"


async def test_a_lost_connection_is_made_again() -> None:
    async with centre_at_work() as centre, client(centre.port) as gateway:
        await gateway.send(to=PHONE, text=TEXT)
        await centre.until(SUBMIT)
        centre.hang_up()
        await centre.until(BIND)
        assert (await gateway.send(to=PHONE, text=TEXT)).message_id == "m-2"


async def test_a_centre_that_says_goodbye_is_answered_and_met_again() -> None:
    async with centre_at_work() as centre, client(centre.port) as gateway:
        await gateway.send(to=PHONE, text=TEXT)
        await centre.until(SUBMIT)
        centre.write(pdu(UNBIND, 77))
        await centre.until(UNBIND | 0x80000000)
        await centre.until(BIND)


async def test_who_asks_whether_we_are_there_is_told() -> None:
    async with centre_at_work() as centre, client(centre.port) as gateway:
        await gateway.send(to=PHONE, text=TEXT)
        centre.write(pdu(ENQUIRE, 5))
        await centre.until(ENQUIRE | 0x80000000)
        centre.write(pdu(0x103, 6))
        await centre.until(0x80000000)


async def test_a_centre_that_is_silent_is_asked_and_then_left() -> None:
    async with centre_at_work() as centre, client(centre.port, alive_every=0.02, timeout=SHORT) as gateway:
        await connected(gateway)
        await centre.until(ENQUIRE)
        centre.mute.add(ENQUIRE)
        await centre.until(BIND)


@pytest.mark.parametrize(
    ("word", "by_options", "state"),
    [
        ("DELIVRD", None, DeliveryState.DELIVERED),
        ("UNDELIV", None, DeliveryState.UNDELIVERED),
        ("EXPIRED", None, DeliveryState.UNDELIVERED),
        ("REJECTD", None, DeliveryState.UNDELIVERED),
        ("ACCEPTD", None, DeliveryState.ACCEPTED),
        ("", 2, DeliveryState.DELIVERED),
        ("", 5, DeliveryState.UNDELIVERED),
        ("", 1, DeliveryState.ACCEPTED),
    ],
)
async def test_a_receipt_comes_over_the_same_connection(
    word: str, by_options: int | None, state: DeliveryState
) -> None:
    listener = Listener()
    async with centre_at_work() as centre, client(centre.port, listener) as gateway:
        carried = await gateway.send(to=PHONE, text=TEXT)
        centre.tell(carried.message_id, word, by_options=by_options)
        assert await listener.told.get() == Receipt(gateway="spare", message_id="m-1", state=state)
        await centre.until(DELIVER | 0x80000000)
        assert centre.deliver_answers == [0]


async def test_a_receipt_that_cannot_be_kept_is_asked_for_again() -> None:
    listener = Listener()
    listener.full = True
    async with centre_at_work() as centre, client(centre.port, listener) as gateway:
        await gateway.send(to=PHONE, text=TEXT)
        centre.tell("m-1", "DELIVRD")
        await centre.until(DELIVER | 0x80000000)
        assert centre.deliver_answers == [0x64]


async def test_a_message_of_a_person_is_no_receipt() -> None:
    listener = Listener()
    async with centre_at_work() as centre, client(centre.port, listener) as gateway:
        await gateway.send(to=PHONE, text=TEXT)
        centre.tell("m-1", "DELIVRD", esm_class=0)
        await centre.until(DELIVER | 0x80000000)
        assert centre.deliver_answers == [0]
        assert listener.told.empty()


async def test_a_receipt_that_is_faster_than_the_answer_is_told() -> None:
    listener = Listener()
    async with centre_at_work() as centre, client(centre.port, listener) as gateway:
        centre.receipts_first = True
        await gateway.send(to=PHONE, text=TEXT)
        assert (await listener.told.get()).message_id == "m-1"


@pytest.mark.parametrize("length", [0, 15, 70_000, 0xFFFFFFFF])
async def test_a_length_that_no_pdu_has_ends_the_connection(length: int) -> None:
    async with centre_at_work() as centre, client(centre.port) as gateway:
        await gateway.send(to=PHONE, text=TEXT)
        await centre.until(BIND)
        centre.write(length.to_bytes(4) + bytes(12))
        await centre.until(BIND)


async def test_the_connection_speaks_tls_with_whom_an_authority_vouches_for(tmp_path: Path) -> None:
    root = authority("CN=Root")
    certificate, key = issued(
        "CN=centre", by=root, usage=SERVER_AUTH, names=(x509.IPAddress(ipaddress.ip_address("127.0.0.1")),)
    ).save(tmp_path)
    (tmp_path / "root.pem").write_text(root.pem)
    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    served.load_cert_chain(certificate, key)
    trusting = ssl.create_default_context(cafile=str(tmp_path / "root.pem"))
    async with centre_at_work(served) as centre:
        async with client(centre.port, tls=trusting) as gateway:
            await gateway.send(to=PHONE, text=TEXT)
        assert centre.binds
        centre.binds.clear()
        async with client(centre.port, tls=ssl.create_default_context(), timeout=SHORT) as stranger:
            assert not (await refusal(stranger)).perhaps_sent
        assert centre.binds == [], "the password is not told to a stranger"


@given(st.binary(max_size=200))
def test_any_receipt_is_read_or_refused(body: bytes) -> None:
    with contextlib.suppress(ValueError):
        told = smpp_pdu.receipt_in(smpp_pdu.Pdu(command=DELIVER, sequence=1, body=body))
        assert told is None or told[0]


@given(st.integers(0, 200))
def test_a_receipt_that_ends_too_early_is_refused(kept: int) -> None:
    whole = receipt("m-1", "DELIVRD", by_options=2)
    if kept >= len(whole):
        return
    options_begin = len(whole) - 4 - 4 - 5
    try:
        told = smpp_pdu.receipt_in(smpp_pdu.Pdu(command=DELIVER, sequence=1, body=whole[:kept]))
    except ValueError:
        return
    assert kept >= options_begin
    assert told is None or told[0] == "m-1"


def test_a_sender_that_cannot_be_written_is_no_message() -> None:
    for sender in ("BANKË", "BAN\0KA"):
        with pytest.raises(ValueError, match=r".+"):
            smpp_pdu.submit_body(sender=sender, to=PHONE, message=b"", coding=0, has_header=False)
