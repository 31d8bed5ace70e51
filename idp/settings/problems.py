"""What no type says of settings: which of them contradict each other, and which are for development only."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from urllib.parse import urlsplit

from idp.model.messages.mail import LOOPBACK, mail_address
from idp.settings.gateways import is_https, sms_problems
from idp.settings.management import management_problems, telemetry_problems
from idp.settings.tables import MailServer, Server, Settings, Store

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def settings_problems(settings: Settings) -> Iterator[str]:
    """Say what cannot be used, each with the setting's name."""
    yield from _base_url_problems(settings.server.base_url)
    yield from _tls_problems(settings.server)
    for network in settings.server.trusted_proxies:
        try:
            ipaddress.ip_network(network)
        except ValueError:
            yield f"server.trusted_proxies: “{network}” is not a network such as 10.0.0.0/8."
    if not settings.secrets.master_key_files:
        yield "secrets.master_key_files must name at least one file."
    mutual = settings.server.mutual_tls
    taken = {"server.port": settings.server.port, "server.mutual_tls.port": mutual.port if mutual is not None else None}
    yield from management_problems(settings.management, taken=taken)
    yield from telemetry_problems(settings.telemetry)
    yield from _store_problems(settings.store)
    if settings.server.workers > 1 and not settings.store.clustered:
        yield (
            "server.workers must be 1 with the embedded store: two processes that write to one file starve each other. "
            "Several need store.mongodb_url and store.redis_url (docs/operations.md)."
        )
    yield from sms_problems(settings.sms)
    yield from _mail_problems(settings.mail.server)
    if settings.environment == "production":
        yield from _development_switches(settings)


def _base_url_problems(base_url: str) -> Iterator[str]:
    try:
        address = urlsplit(base_url)
        origin = f"{address.scheme}://{address.netloc}"
        known = address.port != 0 and bool(address.hostname) and "@" not in address.netloc
    except ValueError:  # unbalanced brackets, a port that is none
        address, origin, known = urlsplit(""), "", False
    if address.scheme not in {"http", "https"} or not known or base_url != origin:
        yield "server.base_url must be an address without a path, for instance https://login.bank.example."
    elif address.scheme == "http" and address.hostname not in _LOOPBACK:
        yield "server.base_url must be https, except for a loopback address."


def _tls_problems(server: Server) -> Iterator[str]:
    if bool(server.tls_certificate) != bool(server.tls_key):
        yield "server.tls_certificate and server.tls_key belong together: name both files or neither."
    if server.tls_certificate and not server.base_url.startswith("https://"):
        yield "server.base_url must be https where server.tls_certificate is given."
    if server.create_tls_certificate and not server.tls_certificate:
        yield "server.create_tls_certificate needs server.tls_certificate and server.tls_key: the files to make."
    mutual = server.mutual_tls
    if mutual is None:
        return
    if not is_https(mutual.base_url) or list(_base_url_problems(mutual.base_url)):
        yield "server.mutual_tls.base_url must be an https address without a path, for instance https://mtls.bank.example."
    if mutual.base_url == server.base_url:
        yield "server.mutual_tls.base_url must be another address than server.base_url (another port will do)."
    if mutual.port is not None and not server.tls_certificate:
        yield "server.mutual_tls.port needs server.tls_certificate: without it, a proxy asks for the certificates."
    if mutual.port == server.port:
        yield "server.mutual_tls.port must be another port than server.port."


def _store_problems(store: Store) -> Iterator[str]:
    redis = bool(store.redis_url or store.redis_url_file)
    if store.clustered and store.path:
        yield "store.path and store.mongodb_url are two stores: name one of them."
    if not store.clustered and not store.path:
        yield "store.path must name a file, or store.mongodb_url and store.redis_url their servers."
    if store.clustered != redis:
        yield "store.mongodb_url and store.redis_url belong together: give both or neither."
    for name in ("mongodb_url", "redis_url"):
        if getattr(store, name) and getattr(store, f"{name}_file"):
            yield f"store.{name} and store.{name}_file say the same: give one of them."


def _mail_problems(server: MailServer | None) -> Iterator[str]:
    if server is None:
        return
    if mail_address(server.sender) is None:
        yield f"mail.server.sender: “{server.sender}” is not an e-mail address."
    if not server.sender_name.isprintable():
        yield "mail.server.sender_name must be one line of text."
    if bool(server.user) != bool(server.password_file):
        yield "mail.server.user and mail.server.password_file belong together: give both or neither."
    if server.tls == "none" and server.host not in LOOPBACK:
        yield "mail.server.tls must be starttls or implicit: whoever is in between would read codes and links."


def _development_switches(settings: Settings) -> Iterator[str]:
    if not settings.https:
        yield "server.base_url must be https in production."
    if settings.sms.gateway == "outbox":
        yield "sms.gateway = outbox shows every code on a page; it is for development only."
    if settings.mail.gateway == "outbox":
        yield "mail.gateway = outbox shows every code on a page; it is for development only."
    if settings.store.forgetful:
        yield "store.path = :memory: forgets everything when the process ends; it is for development only."
    for name in settings.test_switches:
        yield f"{name} is a test switch and must be off in production (docs/operations.md says what it opens)."
    if settings.server.create_tls_certificate:
        yield "server.create_tls_certificate must be false in production: nobody vouches for what it makes."
    if settings.secrets.create_master_key:
        yield "secrets.create_master_key must be false in production: a new key opens nothing that an old one sealed."
