"""Gateways as the settings want them; what cannot be opened is said with the setting's name."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from pathlib import Path

from structlog.typing import FilteringBoundLogger

from idp.gateways.http_outbound import HttpOutbound
from idp.gateways.mail import NoMail
from idp.gateways.outbox import MailOutbox, Outbox
from idp.gateways.sms.at_work import SmsGateways
from idp.model.messages.mail import SmtpServer, mail_address
from idp.model.realm import Realm
from idp.model.secret import Secret
from idp.ports import Clock, MailSender, RandomBytes
from idp.settings.loading import StartError
from idp.settings.tables import MailServer, Settings


def outbox_of(settings: Settings, clock: Clock) -> Outbox | None:
    """Return the outbox of a deployment that sends nothing; None where there is a gateway."""
    if "outbox" not in {settings.sms.gateway, settings.mail.gateway}:
        return None
    path = Path(settings.sms.outbox_file)
    make_folder_of(path)
    try:
        return Outbox(path, clock=clock)
    except OSError as error:
        raise StartError(f"sms.outbox_file: {path} cannot be read ({error.strerror}).") from None


def make_folder_of(path: Path) -> None:
    """Make the directory of a file, for this process's user alone."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StartError(f"The directory {path.parent} cannot be made ({error.strerror}).") from None


def gateways_of(settings: Settings, outbox: Outbox | None, *, clock: Clock, log: FilteringBoundLogger) -> SmsGateways:
    """Return the ways by which text messages leave: the outbox, or the gateways of the settings."""
    if settings.sms.gateway == "outbox" and outbox is not None:
        log.warning("text messages go to the outbox: every code can be read there", setting="sms.gateway")
        return SmsGateways(outbox)
    from idp.gateways.sms import opening  # noqa: PLC0415 - HTTP client and TLS are loaded only where they are used

    return opening.gateways_of(settings.sms, base_url=settings.server.base_url, clock=clock, log=log)


def mail_of(
    settings: Settings, outbox: Outbox | None, *, clock: Clock, random: RandomBytes
) -> Callable[[Realm], MailSender]:
    """Return how the way out of a realm's e-mail is chosen: its own server, or the deployment's."""
    if settings.mail.gateway == "outbox" and outbox is not None:
        kept = MailOutbox(outbox)
        return lambda _: kept
    own = _server_of(settings.mail.server)
    opened: dict[SmtpServer, MailSender] = {}  # a new version of a realm mostly keeps its server

    def chosen(realm: Realm) -> MailSender:
        server = realm.mail_server or own
        if server is None:
            return NoMail()
        if server not in opened:
            opened[server] = _smtp(server, clock=clock, random=random)
        return opened[server]

    return chosen


def _server_of(server: MailServer | None) -> SmtpServer | None:
    if server is None:
        return None
    try:
        password = Path(server.password_file).read_text(encoding="utf-8").strip() if server.password_file else ""
    except (OSError, UnicodeDecodeError) as error:
        raise StartError(f"mail.server.password_file cannot be read: {type(error).__name__}.") from None
    return SmtpServer(
        host=server.host,
        port=server.port,
        sender=mail_address(server.sender) or server.sender,
        sender_name=server.sender_name,
        tls=server.tls,
        user=server.user,
        password=Secret(password) if password else None,
        timeout=server.timeout_seconds,
    )


def _smtp(server: SmtpServer, *, clock: Clock, random: RandomBytes) -> MailSender:
    from idp.gateways.smtp import Smtp  # noqa: PLC0415 - its library is loaded only where it is used

    if server.token is None:
        return Smtp(server, clock=clock, random=random)
    from idp.gateways.mail_token import MailTokens  # noqa: PLC0415 - as above

    tokens = MailTokens(server.token, clock=clock, timeout=server.timeout)
    return Smtp(server, clock=clock, random=random, token=tokens.token)


def outbound_of(settings: Settings) -> HttpOutbound:
    """Return the way to call addresses that clients have registered."""
    outbound = settings.outbound
    if outbound.ca_bundle:
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(outbound.ca_bundle)
        except OSError as error:  # ssl.SSLError is one
            reason = error.strerror or "not PEM"
            raise StartError(f"outbound.ca_bundle: {outbound.ca_bundle} cannot be used ({reason}).") from None
    return HttpOutbound(
        ca_bundle=outbound.ca_bundle or None, allow_loopback=outbound.allow_loopback, timeout=outbound.timeout_seconds
    )
