"""The mail gateway against a real SMTP server on a socket."""

from __future__ import annotations

import asyncio
import email
import gc
import secrets
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword
from hypothesis import given
from hypothesis import strategies as st

from idp.gateways.mail_token import MailTokens
from idp.gateways.smtp import Smtp
from idp.model.messages.mail import MailToken, SmtpServer, mail_address, masked_address
from idp.model.secret import Secret
from idp.ports import MessageUndeliveredError
from tests.certificates import server as of_this_machine
from tests.fakes import FakeClock
from tests.listening import listening
from tests.patience import PATIENCE

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.filterwarnings("ignore:Exception ignored in:pytest.PytestUnraisableExceptionWarning"),
]
PASSWORD = "fjalëkalimi-i-postës"
LETTER = {"subject": "Konfirmo adresën", "text": "Përshëndetje\n", "html": "<p>Përshëndetje</p>"}


class Mailbox:
    """What a server was given."""

    def __init__(self) -> None:
        self.envelopes: list[Envelope] = []
        self.users: list[str] = []
        self.xoauth2: list[str] = []
        self.refuses = False
        self.port = 0
        self.connections: list[Connection] = []

    async def handle_DATA(self, server: SMTP, session: Any, envelope: Envelope) -> str:  # noqa: N802 - the library's
        del server, session
        if self.refuses:
            return "550 5.7.1 ana@example.al is not welcome"
        self.envelopes.append(envelope)
        return "250 OK"

    async def auth_XOAUTH2(self, server: SMTP, args: list[str]) -> AuthResult:  # noqa: N802 - the library's
        del server
        self.xoauth2.append(args[1])
        return AuthResult(success=True)

    def authenticate(self, server: Any, session: Any, envelope: Any, mechanism: str, given: Any) -> AuthResult:
        del server, session, envelope, mechanism
        assert isinstance(given, LoginPassword)
        self.users.append(given.login.decode())
        return AuthResult(success=given.password.decode() == PASSWORD)

    def message(self) -> EmailMessage:
        content = self.envelopes[-1].content
        assert isinstance(content, bytes)
        return email.message_from_bytes(content, policy=default)


class Connection(SMTP):
    """One connection; `gone` when it is over."""

    def __init__(self, box: Mailbox, **options: Any) -> None:
        super().__init__(box, **options)
        self.gone = asyncio.Event()
        box.connections.append(self)

    def connection_lost(self, error: Exception | None) -> None:
        super().connection_lost(error)
        self.gone.set()


@asynccontextmanager
async def served(
    *, tls: ssl.SSLContext | None = None, implicit: bool = False, **options: Any
) -> AsyncIterator[Mailbox]:
    box, loop = Mailbox(), asyncio.get_running_loop()

    def protocol() -> Connection:
        return Connection(
            box,
            hostname="mail.test",
            authenticator=box.authenticate,
            tls_context=None if implicit else tls,
            auth_require_tls=tls is not None and not implicit,
            enable_SMTPUTF8=True,
            loop=loop,
            **options,
        )

    server = await loop.create_server(protocol, "127.0.0.1", 0, ssl=tls if implicit else None)
    box.port = server.sockets[0].getsockname()[1]
    try:
        yield box
    finally:
        server.close()
        await server.wait_closed()
        for connection in box.connections:
            if connection.transport is not None:
                await connection.gone.wait()
        await asyncio.sleep(0)
        # The library drops the socket of a handshake that failed; collected here, it disturbs no other test.
        gc.collect()


def contexts(folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """The server's side, and a client's that trusts it."""
    certificate, key = of_this_machine().save(folder)
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(certificate, key)
    return server, ssl.create_default_context(cafile=str(certificate))


def smtp(box: Mailbox, *, trust: ssl.SSLContext | None = None, access_token: Any = None, **changed: Any) -> Smtp:
    server = SmtpServer(host="localhost", port=box.port, sender="banka@bank.example", timeout=PATIENCE)
    server = msgspec.structs.replace(server, **changed)
    return Smtp(server, clock=FakeClock(), random=secrets.token_bytes, trust=trust, token=access_token)


async def test_a_message_has_a_text_and_an_html_part_and_names_in_any_script() -> None:
    async with served() as box:
        sender = smtp(box, sender_name="Banka e Bizneseve, Tiranë", reply_to="ndihme@bank.example")
        await sender.send(to="ana@example.al", **LETTER)
    message, (envelope,) = box.message(), box.envelopes
    assert (envelope.mail_from, envelope.rcpt_tos) == ("banka@bank.example", ["ana@example.al"])
    assert message["subject"] == LETTER["subject"]
    assert message["from"].addresses[0].display_name == "Banka e Bizneseve, Tiranë"
    assert message["reply-to"] == "ndihme@bank.example"
    assert message["auto-submitted"] == "auto-generated"
    assert message["message-id"].endswith("@bank.example>")
    assert message["date"].datetime.timestamp() == FakeClock()()
    parts = [(part.get_content_type(), part.get_content().strip()) for part in message.iter_parts()]
    assert parts == [("text/plain", LETTER["text"].strip()), ("text/html", LETTER["html"])]


async def test_the_envelope_may_name_another_sender() -> None:
    async with served() as box:
        await smtp(box, envelope_from="bounces@bank.example").send(to="ana@example.al", **LETTER)
    assert box.envelopes[0].mail_from == "bounces@bank.example"


async def test_a_password_is_given_over_starttls(tmp_path: Path) -> None:
    server, trust = contexts(tmp_path)
    async with served(tls=server) as box:
        sender = smtp(box, trust=trust, tls="starttls", user="hyrja", password=Secret(PASSWORD))
        await sender.send(to="ana@example.al", **LETTER)
    assert box.users == ["hyrja"]
    assert len(box.envelopes) == 1


async def test_implicit_tls(tmp_path: Path) -> None:
    server, trust = contexts(tmp_path)
    async with served(tls=server, implicit=True) as box:
        await smtp(box, trust=trust, tls="implicit").send(to="ana@example.al", **LETTER)
    assert len(box.envelopes) == 1


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
async def test_a_certificate_that_nobody_vouches_for_gets_no_message(tmp_path: Path, tls: str) -> None:
    server, _ = contexts(tmp_path)
    async with served(tls=server, implicit=tls == "implicit") as box:
        with pytest.raises(MessageUndeliveredError, match="did not take it"):
            await smtp(box, tls=tls).send(to="ana@example.al", **LETTER)
    assert box.envelopes == []


async def test_a_server_whose_offer_of_starttls_was_taken_away_gets_no_message() -> None:
    async with served() as box:
        with pytest.raises(MessageUndeliveredError):
            await smtp(box, tls="starttls").send(to="ana@example.al", **LETTER)
    assert box.envelopes == []


async def test_a_password_never_leaves_this_machine_without_tls() -> None:
    async with served(auth_required=False) as box:
        sender = smtp(box, host="mail.bank.example", user="hyrja", password=Secret(PASSWORD))
        with pytest.raises(MessageUndeliveredError, match="without TLS"):
            await sender.send(to="ana@example.al", **LETTER)
    assert box.users == []


async def test_a_refusal_names_neither_address_nor_secret(tmp_path: Path) -> None:
    server, trust = contexts(tmp_path)
    async with served(tls=server) as box:
        box.refuses = True
        with pytest.raises(MessageUndeliveredError) as refused:
            await smtp(box, trust=trust, tls="starttls").send(to="ana@example.al", **LETTER)
        assert "ana" not in str(refused.value)
        wrong = smtp(box, trust=trust, tls="starttls", user="hyrja", password=Secret("gabim"))
        with pytest.raises(MessageUndeliveredError) as refused:
            await wrong.send(to="ana@example.al", **LETTER)
    assert "gabim" not in str(refused.value)
    assert refused.value.__cause__ is None


async def test_a_server_that_is_not_there_is_no_exception_of_another_kind() -> None:
    async with served() as box:
        pass
    with pytest.raises(MessageUndeliveredError):
        await smtp(box).send(to="ana@example.al", **LETTER)


async def test_a_server_that_says_nothing_is_not_waited_for() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    box = Mailbox()
    async with listening(silent) as box.port:
        with pytest.raises(MessageUndeliveredError):
            await smtp(box, timeout=0.05).send(to="ana@example.al", **LETTER)


@pytest.mark.parametrize(
    "changed",
    [
        {"subject": "Kodi\r\nBcc: eve@evil.example"},
        {"to": "ana@example.al\r\nBcc: eve@evil.example"},
        {"to": "ana@example.al, eve@evil.example"},
    ],
)
async def test_nothing_adds_a_header_or_a_recipient(changed: dict[str, str]) -> None:
    async with served() as box:
        with pytest.raises(MessageUndeliveredError):
            await smtp(box).send(**{"to": "ana@example.al", **LETTER, **changed})
    assert box.envelopes == []


async def test_a_local_part_in_another_script_needs_smtputf8() -> None:
    async with served() as box:
        await smtp(box, allow_utf8=True).send(to="përparim@example.al", **LETTER)
        assert box.envelopes[0].rcpt_tos == ["përparim@example.al"]


async def test_an_access_token_is_the_proof_where_the_server_takes_one(tmp_path: Path, clock: FakeClock) -> None:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json={"access_token": f"token-{len(asked)}", "expires_in": 300})

    wanted = MailToken(
        url="https://login.mail.example/token", client_id="hyrja", client_secret=Secret("s"), scope="smtp"
    )
    tokens = MailTokens(wanted, clock=clock, timeout=PATIENCE, transport=httpx.MockTransport(answer))
    server, trust = contexts(tmp_path)
    async with served(tls=server) as box:
        proof = {"user": "hyrja", "token": wanted}
        await smtp(box, trust=trust, tls="starttls", access_token=tokens.token, **proof).send(
            to="ana@example.al", **LETTER
        )
    assert len(box.envelopes) == 1
    assert len(box.xoauth2) == 1
    assert asked[0].content == b"grant_type=client_credentials&scope=smtp"
    assert await tokens.token() == "token-1", "kept until a minute before its end"
    clock.advance(241)
    assert await tokens.token() == "token-2"


@pytest.mark.parametrize(
    "answer", [httpx.Response(401, json={}), httpx.Response(200, text="<html>"), httpx.ConnectError("no")]
)
async def test_without_an_access_token_nothing_is_sent(answer: httpx.Response | Exception, clock: FakeClock) -> None:
    def given(_: httpx.Request) -> httpx.Response:
        if isinstance(answer, Exception):
            raise answer
        return answer

    wanted = MailToken(url="https://login.mail.example/token", client_id="hyrja", client_secret=Secret("geheim"))
    tokens = MailTokens(wanted, clock=clock, timeout=PATIENCE, transport=httpx.MockTransport(given))
    with pytest.raises(MessageUndeliveredError) as refused:
        await tokens.token()
    assert "geheim" not in str(refused.value)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("ana@example.al", "ana@example.al"),
        (" Ana.Hoxha+bank@Example.AL ", "Ana.Hoxha+bank@example.al"),
        ("ana@çmimi.al", "ana@xn--mimi-zoa.al"),
        ("përparim@example.al", "përparim@example.al"),
        ("ana@localhost", "ana@localhost"),
    ],
)
def test_an_address_is_read_in_one_way(written: str, read: str) -> None:
    assert mail_address(written) == read


@pytest.mark.parametrize(
    "written",
    [
        "",
        "ana",
        "@example.al",
        "ana@",
        "ana@@example.al",
        "ana@example..al",
        "ana@-example.al",
        '"ana x"@example.al',
        "ana x@example.al",
        "ana@[127.0.0.1]",
        "Ana <ana@example.al>",
        "ana@example.al, eve@evil.example",
        "ana@example.al\nBcc: eve@evil.example",
        "a\u0085b@example.al",
        ".ana@example.al",
        "x" * 65 + "@example.al",
        "ana@" + "x" * 64 + ".al",
        "ana@" + "x." * 130 + "al",
    ],
)
def test_what_is_no_address_is_none(written: str) -> None:
    assert mail_address(written) is None


@given(st.text(max_size=300))
def test_an_address_never_holds_what_ends_a_header(text: str) -> None:
    address = mail_address(text + "@example.al")
    if address is not None:
        assert address.isprintable()
        assert address.count("@") == 1
        assert not set(address) & set(' ,;:<>()[]"\\\r\n')


def test_a_masked_address_can_be_recognised_by_its_owner() -> None:
    assert masked_address("ana@example.al") == "a•••@e•••.al"
