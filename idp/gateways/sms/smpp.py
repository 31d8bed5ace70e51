"""A message centre that speaks SMPP 3.4, over one connection that is kept: messages go out, receipts come in.

A client of our own (`idp.gateways.sms.smpp_pdu` is its language): the libraries that there are block, or answer through
queues with repeats of their own, where a login has to know within seconds whether its message was taken.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl

from structlog.typing import FilteringBoundLogger

from idp.gateways.sms import smpp_pdu as language
from idp.gateways.sms.at_work import TellReceipt
from idp.gateways.sms.gsm import parts_of, with_header
from idp.gateways.sms.smpp_pdu import Pdu
from idp.model.messages.message import Carried, Receipt
from idp.model.secret import Secret
from idp.model.struct import Frozen
from idp.ports import MessageUndeliveredError

_LAST_SEQUENCE = 0x7FFFFFFF  # §5.1.4
_ALIVE_EVERY = 30.0  # seconds between two `enquire_link`
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 60.0  # seconds between two connections


class MessageCentre(Frozen, frozen=True, kw_only=True):
    """Where to connect, and as whom."""

    host: str
    port: int
    system_id: str
    password: Secret
    sender: str
    system_type: str = ""
    tls: ssl.SSLContext | None = None
    timeout: float = 3.0
    alive_every: float = _ALIVE_EVERY
    first_pause: float = _FIRST_PAUSE


class _LostError(Exception):
    """The connection is not there, or no more."""


class _Link:
    """One bound connection: requests of ours wait here for their responses."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self._waiting: dict[int, asyncio.Future[Pdu]] = {}
        self._sequence = 0

    async def asked(self, command: int, body: bytes = b"") -> Pdu:
        """Send a request and wait for its response; raises `_LostError`."""
        self._sequence = self._sequence % _LAST_SEQUENCE + 1
        sequence = self._sequence
        self._waiting[sequence] = waiting = asyncio.get_running_loop().create_future()
        try:
            self.write(Pdu(command=command, sequence=sequence, body=body))
            response: Pdu = await waiting
        finally:
            self._waiting.pop(sequence, None)
        return response

    def write(self, pdu: Pdu) -> None:
        if self.writer.is_closing():
            raise _LostError
        self.writer.write(language.encoded(pdu))

    async def read(self) -> Pdu:
        """Return the next PDU; raises `_LostError` where there is none that can be read."""
        try:
            header = await self.reader.readexactly(language.HEADER_SIZE)
            return language.decoded(header, await self.reader.readexactly(language.body_size(header)))
        except (asyncio.IncompleteReadError, OSError, ValueError):
            raise _LostError from None

    def answered(self, response: Pdu) -> None:
        """Give a response to who waits for it; one that nobody waits for came too late."""
        waiting = self._waiting.get(response.sequence)
        if waiting is not None and not waiting.done():
            waiting.set_result(response)

    def drop(self) -> None:
        """End the connection; whoever waits learns that it is lost."""
        self.writer.close()
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(_LostError())


class SmppSms:
    """Implements `idp.ports.SmsSender`."""

    def __init__(self, centre: MessageCentre, *, name: str, log: FilteringBoundLogger) -> None:
        self._centre = centre
        self._name = name
        self._log = log
        self._tell: TellReceipt | None = None
        self._link: _Link | None = None
        self._bound = asyncio.Event()
        self._reference = 0
        self._receipts: set[asyncio.Task[None]] = set()
        self._running: asyncio.Task[None] | None = None

    def start(self, tell: TellReceipt) -> None:
        """Begin to connect, and to connect again whenever the connection is lost.

        `tell` is told of every receipt; one that it cannot keep is asked for again.
        """
        self._tell = tell
        self._connect()

    def _connect(self) -> None:
        self._running = asyncio.get_running_loop().create_task(self._keep_connected())

    async def close(self) -> None:
        """Say goodbye and let go of the connection."""
        if self._link is not None:
            with contextlib.suppress(_LostError, TimeoutError):
                async with asyncio.timeout(self._centre.timeout):
                    await self._link.asked(language.UNBIND)
        await _ended(self._running, *self._receipts)

    async def send(self, *, to: str, text: str) -> Carried:
        """Hand the message over, or raise `MessageUndeliveredError` (which names neither number nor text)."""
        if self._running is None:  # beside a running provider: messages go out, and nobody waits for receipts
            self._connect()
        try:
            async with asyncio.timeout(self._centre.timeout):
                await self._bound.wait()
        except TimeoutError:
            raise MessageUndeliveredError("the message centre cannot be reached") from None
        bodies = self._bodies(to, text)
        first = ""
        for number, body in enumerate(bodies):
            message_id = await self._submitted(body, begun=number > 0)
            first = first or message_id
        return Carried(gateway=self._name, message_id=first)

    def _bodies(self, to: str, text: str) -> list[bytes]:
        try:
            cut = parts_of(text)
            count = len(cut.parts)
            self._reference += 1
            parts = [
                with_header(part, reference=self._reference, count=count, number=number) if count > 1 else part
                for number, part in enumerate(cut.parts, start=1)
            ]
            return [
                language.submit_body(
                    sender=self._centre.sender, to=to, message=part, coding=cut.coding, has_header=count > 1
                )
                for part in parts
            ]
        except ValueError:
            raise MessageUndeliveredError("the message cannot be written in SMPP", of_message=True) from None

    async def _submitted(self, body: bytes, *, begun: bool) -> str:
        """Submit one part and return its id. After the first part, a failure leaves a message that is half sent."""
        link = self._link
        if link is None:
            raise MessageUndeliveredError("the message centre cannot be reached", perhaps_sent=begun)
        try:
            async with asyncio.timeout(self._centre.timeout):
                response = await link.asked(language.SUBMIT_SM, body)
        except (_LostError, TimeoutError):
            raise MessageUndeliveredError("the message centre does not answer", perhaps_sent=True) from None
        if response.status != language.OK:
            raise MessageUndeliveredError(
                f"the message centre answered {response.status:#x}",
                perhaps_sent=begun,
                of_message=language.is_of_message(response.status),
            )
        return language.message_id_in(response)

    async def _keep_connected(self) -> None:
        pause = self._centre.first_pause
        while True:
            try:
                await self._connected()
                pause = self._centre.first_pause
            except (_LostError, OSError, TimeoutError) as error:
                self._log.warning("message centre lost", gateway=self._name, reason=type(error).__name__.strip("_"))
            except _RefusedError as error:
                self._log.error("message centre refuses", gateway=self._name, status=f"{error.status:#x}")
                pause = _LONGEST_PAUSE
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    async def _connected(self) -> None:
        """Connect, bind and serve, until the connection ends."""
        centre = self._centre
        async with asyncio.timeout(centre.timeout):
            reader, writer = await asyncio.open_connection(
                centre.host,
                centre.port,
                ssl=centre.tls,
                server_hostname=centre.host if centre.tls is not None else None,
            )
        link = _Link(reader, writer)
        alive: asyncio.Task[None] | None = None
        serving = asyncio.get_running_loop().create_task(self._serve(link))
        try:
            async with asyncio.timeout(centre.timeout):
                await self._bind(link)
            self._link = link
            self._bound.set()
            alive = asyncio.get_running_loop().create_task(self._stay_alive(link))
            await serving
        finally:
            self._bound.clear()
            self._link = None
            link.drop()
            await _ended(serving, alive)

    async def _bind(self, link: _Link) -> None:
        centre = self._centre
        body = language.bind_body(
            system_id=centre.system_id, password=centre.password.reveal(), system_type=centre.system_type
        )
        response = await link.asked(language.BIND_TRANSCEIVER, body)
        if response.status != language.OK:
            raise _RefusedError(response.status)

    async def _serve(self, link: _Link) -> None:
        """Read whatever comes, in order; raises `_LostError` at the end."""
        try:
            while True:
                await self._met(link, await link.read())
        finally:
            link.drop()

    async def _met(self, link: _Link, pdu: Pdu) -> None:
        answer = pdu.command | language.RESPONSE
        if pdu.command & language.RESPONSE:
            link.answered(pdu)
        elif pdu.command == language.ENQUIRE_LINK:
            link.write(Pdu(command=answer, sequence=pdu.sequence))
        elif pdu.command == language.DELIVER_SM:
            # Apart: what is told waits for the store, and the responses behind it must not.
            task = asyncio.get_running_loop().create_task(self._told(link, pdu))
            self._receipts.add(task)
            task.add_done_callback(self._receipts.discard)
        elif pdu.command == language.UNBIND:
            link.write(Pdu(command=answer, sequence=pdu.sequence))
            raise _LostError
        else:
            refused = Pdu(command=language.GENERIC_NACK, status=language.INVALID_COMMAND, sequence=pdu.sequence)
            link.write(refused)

    async def _told(self, link: _Link, pdu: Pdu) -> None:
        status = language.OK
        try:
            told = language.receipt_in(pdu)
            if told is not None and self._tell is not None:
                await self._tell(Receipt(gateway=self._name, message_id=told[0], state=told[1]))
        except ValueError:
            self._log.warning("unreadable receipt", gateway=self._name)
        except Exception as error:  # noqa: BLE001 - whatever it is, the centre is asked to tell it again
            self._log.warning("receipt not kept", gateway=self._name, reason=type(error).__name__)
            status = language.TRY_LATER
        with contextlib.suppress(_LostError):
            link.write(Pdu(command=pdu.command | language.RESPONSE, sequence=pdu.sequence, status=status, body=b"\0"))

    async def _stay_alive(self, link: _Link) -> None:
        """Ask now and then whether somebody is there; a centre that does not say so is left."""
        while True:
            await asyncio.sleep(self._centre.alive_every)
            try:
                async with asyncio.timeout(self._centre.timeout):
                    await link.asked(language.ENQUIRE_LINK)
            except (_LostError, TimeoutError):
                link.drop()
                return


class _RefusedError(Exception):
    """The message centre does not let us in."""

    def __init__(self, status: int) -> None:
        super().__init__(f"bind refused with {status:#x}")
        self.status = status


async def _ended(*tasks: asyncio.Task[None] | None) -> None:
    """Cancel tasks and wait for their end; the caller's own cancellation goes on."""
    running = [task for task in tasks if task is not None]
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
