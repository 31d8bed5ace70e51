"""The gateways of the settings, opened; what cannot be opened is said with the setting's name."""

from __future__ import annotations

import ssl
from pathlib import Path

from structlog.typing import FilteringBoundLogger

from idp.gateways.sms.at_work import RECEIPTS, SmsGateways
from idp.gateways.sms.failover import Failover, FailoverPolicy
from idp.gateways.sms.http import HttpSms
from idp.gateways.sms.presets import receipts_of, template_of
from idp.gateways.sms.receipts import ReceiptDoor
from idp.gateways.sms.smpp import MessageCentre, SmppSms
from idp.model.secret import Secret
from idp.ports import Clock
from idp.settings.gateways import Sms, SmsGateway
from idp.settings.loading import StartError


def gateways_of(sms: Sms, *, base_url: str, clock: Clock, log: FilteringBoundLogger) -> SmsGateways:
    """Open the gateways of the settings; raises `StartError`."""
    named = {name: given for name, given in (("main", sms.main), ("spare", sms.spare)) if given is not None}
    doors = {name: door for name, given in named.items() if (door := _door_of(name, given)) is not None}
    opened = {name: _gateway_of(name, given, base_url=base_url, log=log) for name, given in named.items()}
    policy = FailoverPolicy(
        failures=sms.failures_until_pause, pause=sms.pause_seconds, resend_when_unsure=sms.resend_when_unsure
    )
    sender = Failover(list(opened.items()), policy=policy, clock=clock, log=log)
    return SmsGateways(sender, opened=tuple(opened.values()), doors=doors)


def _gateway_of(name: str, given: SmsGateway, *, base_url: str, log: FilteringBoundLogger) -> HttpSms | SmppSms:
    secret = _secret(f"sms.{name}.secret_file", given.secret_file)
    if given.preset == "smpp":
        centre = MessageCentre(
            host=given.host,
            port=given.port,
            system_id=given.account,
            password=secret,
            sender=given.sender,
            system_type=given.system_type,
            tls=_tls(name, given) if given.tls else None,
            timeout=given.timeout_seconds,
        )
        return SmppSms(centre, name=name, log=log)
    settled = {"account": given.account, "sender": given.sender, "callback": _callback(name, given, base_url)}
    return HttpSms(template_of(given), name=name, secret=secret, settled=settled, timeout=given.timeout_seconds)


def _callback(name: str, given: SmsGateway, base_url: str) -> str:
    """Return the address that is told to the gateway with each message.

    One whose last part is the secret is not built here: whoever operates the gateway enters it there.
    """
    told = given.receipts is not None and given.receipts.proof != "path"
    return f"{base_url}{RECEIPTS}/{name}" if told else ""


def _door_of(name: str, given: SmsGateway) -> ReceiptDoor | None:
    receipts = given.receipts
    if receipts is None:
        return None
    return ReceiptDoor(
        gateway=name,
        template=receipts_of(given.preset, receipts),
        proof=receipts.proof,
        secret=_secret(f"sms.{name}.receipts.secret_file", receipts.secret_file),
        header=receipts.header,
    )


def _tls(name: str, given: SmsGateway) -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if given.ca_bundle:
        try:
            context.load_verify_locations(given.ca_bundle)
        except OSError as error:  # ssl.SSLError is one
            reason = error.strerror or "not PEM"
            raise StartError(f"sms.{name}.ca_bundle: {given.ca_bundle} cannot be used ({reason}).") from None
    return context


def _secret(setting: str, path: str) -> Secret:
    try:
        value = Path(path).read_text(encoding="utf-8").strip() if path else ""
    except OSError as error:
        raise StartError(f"{setting} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        value = "\n"
    if not (value.isascii() and value.isprintable()) or (path and not value):
        raise StartError(f"{setting} must hold one line of ASCII: the secret alone.")
    return Secret(value)
