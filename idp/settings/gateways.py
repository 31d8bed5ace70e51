"""The settings of gateways: how this deployment reaches people's phones."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from msgspec import Meta

from idp.settings.table import Table

Preset = Literal["http", "twilio", "vonage", "infobip", "messagebird", "smpp"]
Seconds = Annotated[float, Meta(gt=0, le=60)]


class SmsReceipts(Table, frozen=True, kw_only=True):
    """How a gateway tells that a message was delivered, at `/sms-receipts/{main or spare}` of the provider."""

    proof: Literal["path", "authorization", "hmac-sha256", "twilio"]
    """How the gateway proves itself: a secret as the last part of the address, an `Authorization` header, the HMAC of
    the body in `header`, or Twilio's own signature."""
    secret_file: str
    """A file with that secret."""
    header: str = ""
    """The header with the HMAC of the body, in hexadecimal."""
    each: str = ""
    """Where the list of receipts stands in the JSON; empty: there is one receipt."""
    message_id: str = ""
    """Where the message's id stands, as a path such as `messages.0.id`; empty: as the preset says."""
    state: str = ""
    """Where its state stands."""
    delivered: tuple[str, ...] = ()
    """The states that mean: delivered."""
    undelivered: tuple[str, ...] = ()
    """The states that mean: never to be delivered. Any other is no news."""


class SmsGateway(Table, frozen=True, kw_only=True):
    """One gateway. With a preset other than `http`, account, secret and sender are all that is needed."""

    preset: Preset = "http"
    """Whose gateway it is; `http` is any other one, by template."""
    account: str = ""
    """The account, API key or `system_id`: `{account}` in templates."""
    secret_file: str = ""
    """A file with the password, token or API secret, on one line: `{secret}` in templates."""
    sender: str = ""
    """Whom the message comes from: `{sender}` in templates."""
    timeout_seconds: Seconds = 3.0
    """How long the gateway is waited for."""
    url: str = ""
    """An https address; a preset's own if empty."""
    method: Literal["POST", "PUT", "GET"] = "POST"
    """The method of the request."""
    headers: dict[str, str] = {}
    """Headers of the request, as templates."""
    encoding: Literal["json", "form"] = "json"
    """How the body is written."""
    body: dict[str, Any] = {}
    """Members of the body, as templates."""
    accepted_at: str = ""
    """Where in the JSON of the answer it stands whether the message was accepted; empty: the status says it."""
    accepted: tuple[str, ...] = ()
    """What stands there if it was."""
    message_id_at: str = ""
    """Where in the answer the message's id stands, for receipts."""
    host: str = ""
    """SMPP: the message centre."""
    port: Annotated[int, Meta(ge=1, le=65535)] = 2775
    """SMPP: its port."""
    tls: bool = True
    """SMPP: speak TLS. Without it, passwords and codes are readable on the way: only through a tunnel."""
    ca_bundle: str = ""
    """A PEM file with further certificate authorities that are believed there."""
    system_type: str = ""
    """SMPP: what the centre wants to be told of our kind; usually empty."""
    receipts: SmsReceipts | None = None
    """How the gateway tells that messages arrived. SMPP needs none: its receipts come over the same connection."""


class Sms(Table, frozen=True, kw_only=True):
    """How text messages leave."""

    gateway: Literal["outbox", "configured"]
    """`outbox` keeps them in a file and shows them on a page: development only. `configured`: by `main` and `spare`."""
    outbox_file: str = "var/outbox.jsonl"
    """The file of the outbox."""
    main: SmsGateway | None = None
    """The gateway that is asked first."""
    spare: SmsGateway | None = None
    """The gateway that is asked where the main one fails."""
    failures_until_pause: Annotated[int, Meta(ge=1, le=100)] = 3
    """That many failures in a row, and the other gateway is asked first."""
    pause_seconds: Annotated[int, Meta(ge=1, le=3600)] = 60
    """So long; then one message tries it again."""
    resend_when_unsure: bool = False
    """Ask the other gateway also when the first one may have sent the message already: people may get it twice."""


def sms_problems(sms: Sms) -> Iterator[str]:
    """Say what cannot be used, each with the setting's name."""
    if sms.gateway == "outbox":
        return
    if sms.main is None:
        yield "sms.gateway is configured, so [sms.main] must be given."
    for name, gateway in (("main", sms.main), ("spare", sms.spare)):
        if gateway is not None:
            yield from _gateway_problems(f"sms.{name}", gateway)


def _gateway_problems(name: str, gateway: SmsGateway) -> Iterator[str]:
    if gateway.preset == "smpp":
        yield from _smpp_problems(name, gateway)
        return
    if gateway.preset == "http":
        if not gateway.url or not (gateway.body or gateway.method == "GET"):
            yield f"{name}.preset is http, so {name}.url and {name}.body must be given."
        if gateway.accepted_at and not gateway.accepted:
            yield f"{name}.accepted must say which values at {name}.accepted_at mean that the message was accepted."
    else:
        yield from _missing(name, gateway, ("secret_file", "sender"))
        if gateway.preset != "messagebird":
            yield from _missing(name, gateway, ("account",))
    if gateway.url and not is_https(gateway.url):
        yield f"{name}.url must be https."
    if gateway.receipts is not None:
        yield from _receipts_problems(f"{name}.receipts", gateway.receipts, gateway.preset)


def _smpp_problems(name: str, gateway: SmsGateway) -> Iterator[str]:
    yield from _missing(name, gateway, ("host", "account", "secret_file", "sender"))
    if not gateway.tls and not _is_private(gateway.host):
        yield f"{name}.tls must be true unless {name}.host is a private address: codes would be readable on the way."
    if gateway.receipts is not None:
        yield f"{name}.receipts is not for smpp: its receipts come over the same connection."


def _missing(name: str, gateway: SmsGateway, fields: tuple[str, ...]) -> Iterator[str]:
    for field in fields:
        if not getattr(gateway, field):
            yield f"{name}.preset is {gateway.preset}, so {name}.{field} must be given."


def _receipts_problems(name: str, receipts: SmsReceipts, preset: Preset) -> Iterator[str]:
    if not receipts.secret_file:
        yield f"{name}.secret_file must name the file with the secret that proves a receipt."
    if receipts.proof == "hmac-sha256" and not receipts.header:
        yield f"{name}.header must name the header that holds the HMAC."
    if preset == "http" and not (
        receipts.message_id and receipts.state and receipts.delivered and receipts.undelivered
    ):
        yield f"{name} needs message_id, state, delivered and undelivered, where the preset is http."


def is_https(url: str) -> bool:
    """Tell whether it is an https address that can be called."""
    try:
        address = urlsplit(url)
        return address.scheme == "https" and bool(address.hostname) and address.port != 0
    except ValueError:
        return False


def _is_private(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return host == "localhost"
