"""Rules about device authorization and CIBA: who may ask, where a ping goes, keys that cannot verify."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from idp.model.client import Client
from idp.model.finding import Finding
from idp.realms.clients.pending import CIBA, NOTIFICATION, SIGNING
from idp.realms.values import error, warning

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_LONGEST = 3600  # seconds


def pending_findings(client: Client, pointer: str) -> Iterator[Finding]:
    """Yield what is wrong with a client's decoupled grants."""
    place = f"{pointer}/attributes"
    if client.device.enabled:
        yield from _device(client, place)
    if client.backchannel.enabled:
        yield from _backchannel(client, place)


def _device(client: Client, place: str) -> Iterator[Finding]:
    lifespan = client.device.code_lifespan
    if lifespan is not None and not 1 <= lifespan <= _LONGEST:
        problem = (
            f"A device code lives 1 to {_LONGEST} seconds: a user code can be guessed for as long (RFC 8628 §5.1)."
        )
        yield error("C-DEVICE-LIFE", f"{place}/oauth2.device.code.lifespan", problem, "Write 600.")


def _backchannel(client: Client, place: str) -> Iterator[Finding]:
    rules = client.backchannel
    if client.public:
        problem = f"“{client.client_id}” proves nothing, so it cannot ask customers anything (CIBA Core §7.1)."
        yield error("C-CIBA-PUBLIC", f"{place}/{CIBA}", problem, "Set false, or give the client a way to authenticate.")
    if rules.algorithm is not None and not client.keys:
        problem = f"The requests of “{client.client_id}” must be signed, and it has no public key."
        yield error("C-CIBA-KEYS", f"{place}/{SIGNING}", problem, "Register its keys: jwks.url or jwks.string.")
    if rules.delivery == "ping":
        yield from _address(rules.notification_endpoint, f"{place}/{NOTIFICATION}")


def _address(address: str, pointer: str) -> Iterator[Finding]:
    """CIBA Core §4: the notification endpoint is an https address."""
    try:
        parts = urlsplit(address)
        known = bool(parts.hostname) and parts.port != 0 and "@" not in parts.netloc and not parts.fragment
    except ValueError:
        parts, known = urlsplit(""), False
    if known and parts.scheme == "http" and parts.hostname in _LOOPBACK:
        problem = "Pings go to a loopback address; it is called only with the test switch outbound.allow_loopback."
        yield warning("C-CIBA-NOTIFY", pointer, problem, "Use https.")
    elif not known or parts.scheme != "https":
        problem = "A client that is pinged needs an https address for it (CIBA Core §4)."
        yield error("C-CIBA-NOTIFY", pointer, problem, "Write its notification endpoint, or use poll.")
