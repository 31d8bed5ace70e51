"""A realm's letters: written in the reader's language, then handed to whatever the realm's mail leaves by."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from idp.model.realm import Realm
from idp.ports import MailSender, MessageUndeliveredError
from idp.web.letters import Letters


class WrittenMail:
    """Implements `idp.ports.Mail`."""

    def __init__(self, letters: Letters, *, sender_of: Callable[[Realm], MailSender]) -> None:
        """`sender_of` chooses the way out by the version of the realm that a login runs on."""
        self._letters = letters
        self._sender_of = sender_of

    async def send(self, realm: Realm, *, to: str, letter: str, locale: str, fields: Mapping[str, str | int]) -> None:
        """Write the letter and hand it over, or raise `MessageUndeliveredError`."""
        written = self._letters.written(letter, locale=locale, realm=realm, fields=fields)
        await self._sender_of(realm).send(to=to, subject=written.subject, text=written.text, html=written.html)


class NoMail:
    """Implements `idp.ports.MailSender` where there is no mail server: nothing is ever sent, and nothing skipped."""

    async def send(self, *, to: str, subject: str, text: str, html: str) -> None:
        """Raise `MessageUndeliveredError`."""
        del to, subject, text, html
        raise MessageUndeliveredError("the realm has no mail server (smtpServer)")
