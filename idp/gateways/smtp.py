"""E-mail by SMTP (RFC 5321): one connection a message, TLS verified, STARTTLS required where it is wanted.

A server that does not offer the STARTTLS that was configured is not spoken to: taking it off the greeting is all that
somebody in between has to do (RFC 3207 §6). A password goes over TLS, or to this machine itself, or not at all.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as WIRE
from email.policy import SMTPUTF8 as WIRE_UTF8
from email.utils import formatdate

import aiosmtplib

from idp.model.messages.mail import LOOPBACK, SmtpServer, mail_address
from idp.ports import Clock, MessageUndeliveredError, RandomBytes

AccessToken = Callable[[], Awaitable[str]]


class Smtp:
    """Implements `idp.ports.MailSender`."""

    def __init__(
        self,
        server: SmtpServer,
        *,
        clock: Clock,
        random: RandomBytes,
        token: AccessToken | None = None,
        trust: ssl.SSLContext | None = None,
    ) -> None:
        """`token` gives the access token of a server that takes one; `trust` replaces the machine's authorities."""
        self._server = server
        self._clock = clock
        self._random = random
        self._token = token
        self._trust = trust or ssl.create_default_context()

    async def send(self, *, to: str, subject: str, text: str, html: str) -> None:
        """Hand the message over, or raise `MessageUndeliveredError` (which names neither address nor text)."""
        server = self._server
        if server.user and server.tls == "none" and server.host not in LOOPBACK:
            raise MessageUndeliveredError("the mail server would get its password without TLS")
        try:
            message = self._message(to=to, subject=subject, text=text, html=html)
            # One bound for all of it: the library's own is for each answer, so answers in drips would never end.
            async with asyncio.timeout(server.timeout):
                await self._hand_over(message, to)
        except (aiosmtplib.SMTPException, OSError, ValueError, TimeoutError) as error:
            # Without the cause: its words may hold the address, and traces are logged.
            raise MessageUndeliveredError(f"the mail server did not take it: {type(error).__name__}") from None

    async def _hand_over(self, message: EmailMessage, to: str) -> None:
        server = self._server
        client = aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            use_tls=server.tls == "implicit",
            start_tls=server.tls == "starttls",
            tls_context=self._trust if server.tls != "none" else None,
            timeout=server.timeout,
        )
        async with client:
            if server.user and server.token is not None and self._token is not None:
                await client.auth_xoauth2(server.user, await self._token())
            elif server.user and server.password is not None:
                await client.login(server.user, server.password.reveal())
            await client.send_message(message, sender=server.envelope_from or server.sender, recipients=[to])

    def _message(self, *, to: str, subject: str, text: str, html: str) -> EmailMessage:
        """Make the message. A header with a line break in it raises `ValueError`: nothing can add a second one."""
        server = self._server
        message = EmailMessage(policy=WIRE_UTF8 if server.allow_utf8 else WIRE)
        message["From"] = _named(server.sender, server.sender_name)
        if mail_address(to) != to:
            raise ValueError("not one address")
        message["To"] = _named(to, "")
        message["Subject"] = subject
        message["Date"] = formatdate(self._clock())
        message["Message-ID"] = f"<{self._random(18).hex()}@{server.sender.rpartition('@')[2]}>"
        # RFC 3834 §5: no out-of-office answer comes back to it.
        message["Auto-Submitted"] = "auto-generated"
        if server.reply_to:
            message["Reply-To"] = _named(server.reply_to, server.reply_to_name)
        message.set_content(text)
        message.add_alternative(html, subtype="html")
        return message


def _named(address: str, name: str) -> Address:
    # By its parts: the library's own reading of a whole address refuses local parts that are not ASCII.
    local, _, domain = address.rpartition("@")
    return Address(display_name=name, username=local, domain=domain)
