"""How this deployment runs: `config/*.toml`, overridden by the environment, checked completely at start.

`HYRJA_SERVER__PORT=8081` overrides `port` of the table `[server]`. Secrets never stand here: a setting names the file
that holds one. Every problem is reported at once.
"""

from __future__ import annotations

import ipaddress
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from idp.gateway_settings import Sms, Table, is_https, sms_problems
from idp.management_settings import Management, Telemetry, management_problems, telemetry_problems
from idp.model.messages.mail import LOOPBACK, mail_address

_PREFIX = "HYRJA_"
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
Port = Annotated[int, Meta(ge=1, le=65535)]
Count = Annotated[int, Meta(ge=1)]


class SettingsError(Exception):
    """The settings cannot be used; the text lists every problem, a line each."""


class StartError(Exception):
    """The provider does not start; the text lists every reason with what to do."""


class MutualTls(Table, frozen=True, kw_only=True):
    """A second address of the same endpoints, where clients are asked for a certificate (RFC 8705 §5)."""

    base_url: str
    """The public address, https and without a path; clients find it as `mtls_endpoint_aliases`."""
    port: Port | None = None
    """Where this process listens for it, on `server.host`; without it, a proxy asks for the certificates."""


class Server(Table, frozen=True, kw_only=True):
    """Where the provider listens and what it is called."""

    base_url: str
    """The public address, without a path. Every link is built from it, never from a request."""
    host: str = "127.0.0.1"
    """The address of this machine to listen on; `0.0.0.0` is all of them."""
    port: Port = 8080
    """The port to listen on."""
    allowed_hosts: tuple[str, ...] = ()
    """Further `Host` names that are answered (a health probe's, say)."""
    trusted_proxies: tuple[str, ...] = ()
    """Networks (CIDR) whose `X-Forwarded-For` and `Client-Cert` are believed."""
    tls_certificate: str = ""
    """A PEM file: the server's certificate, then what vouches for it. With it, this process ends TLS itself."""
    tls_key: str = ""
    """A PEM file: the key of that certificate."""
    create_tls_certificate: bool = False
    """Make both files if neither exists, signed by itself. Development only."""
    client_ca_file: str = ""
    """A PEM file: the authorities whose client certificates authenticate clients (tls_client_auth)."""
    mutual_tls: MutualTls | None = None
    """A second address, where clients are asked for a certificate."""
    workers: Annotated[int, Meta(ge=1, le=256)] = 1
    """How many processes serve. More than one needs the clustered store."""
    drain_seconds: Annotated[float, Meta(ge=0, le=600)] = 0.0
    """How long a process that is told to end (SIGTERM) serves on, unready, so that proxies notice."""
    keep_alive_seconds: Annotated[int, Meta(ge=1, le=3600)] = 75
    """How long an idle connection is kept; longer than the proxy keeps its own, so that the proxy closes first."""


class Store(Table, frozen=True, kw_only=True):
    """Where everything is kept."""

    path: str = ""
    """The SQLite file; its directory is created with mode 0700. For one serving process. `:memory:` keeps everything in
    the process and forgets it at its end. Development only."""
    mongodb_url: str = ""
    """Instead of a file, with `redis_url`: MongoDB (a replica set), `mongodb://…/database`, for what must survive."""
    mongodb_url_file: str = ""
    """A file that holds `mongodb_url`, where there is a password in it."""
    redis_url: str = ""
    """Redis, for what lives minutes: `redis://…`, `redis+sentinel://host,host/service` or `redis+cluster://host,host`;
    `rediss` instead of `redis` with TLS, and `?ssl_ca_certs=` for an authority of your own."""
    redis_url_file: str = ""
    """A file that holds `redis_url`, where there is a password in it."""
    redis_replicas: Annotated[int, Meta(ge=0, le=16)] = 0
    """Replicas of Redis that must have a write before it counts: what a failover then does not lose."""
    events_kept_days: Count = 90
    """Days for which events are kept."""

    @property
    def forgetful(self) -> bool:
        """Tell whether everything is forgotten when the process ends."""
        return self.path == ":memory:"

    @property
    def clustered(self) -> bool:
        """Tell whether several processes can serve from this store."""
        return bool(self.mongodb_url or self.mongodb_url_file)


class Secrets(Table, frozen=True, kw_only=True):
    """Files that hold secrets."""

    master_key_files: tuple[str, ...]
    """32 bytes each, base64url; the first one seals, all of them open."""
    create_master_key: bool = False
    """Make the first file if it does not exist. Development only."""
    vault: str
    """The directory of `${vault.…}`: one file a secret, named `{realm}_{name}`."""


class Realms(Table, frozen=True, kw_only=True):
    """The realms of this deployment."""

    files: tuple[str, ...]
    """Realm files in Keycloak's JSON; what is new in one becomes the realm's present version at the start."""


class Hashing(Table, frozen=True, kw_only=True):
    """Argon2id for new passwords; `workers` hash at once, `queue` more may wait."""

    memory_kib: Annotated[int, Meta(ge=7168)] = 19456
    """Memory of one hash, in KiB."""
    iterations: Count = 2
    """Passes over that memory."""
    workers: Count | None = None
    """Hashes at once; each takes a core. Left out: one core less than there are, shared by the serving processes."""
    queue: Count = 512
    """Logins that may wait for a worker; the next one is told to come again (503)."""


class MailServer(Table, frozen=True, kw_only=True):
    """A mail server (SMTP) for the realms that name none themselves."""

    host: str
    """The server's name."""
    sender: str
    """The address that messages come from."""
    sender_name: str = ""
    """The name that messages come from."""
    port: Port = 587
    """The server's port."""
    tls: Literal["implicit", "starttls", "none"] = "starttls"
    """`starttls` is required where it is set; `none` is for this machine's own server."""
    user: str = ""
    """The name to log in with; empty: without."""
    password_file: str = ""
    """A file with the password."""
    timeout_seconds: Annotated[float, Meta(gt=0, le=60)] = 10.0
    """How long the server is waited for."""


class Mail(Table, frozen=True, kw_only=True):
    """How e-mail leaves."""

    gateway: Literal["realm", "outbox"] = "realm"
    """`realm`: by the mail server of each realm's file (`smtpServer`). `outbox`: kept beside the text messages, in
    `sms.outbox_file`, whatever the realm says. Development only."""
    server: MailServer | None = None
    """For realms whose file names no mail server."""


class Outbound(Table, frozen=True, kw_only=True):
    """Calls to addresses that clients have registered, for instance for their keys."""

    ca_bundle: str = ""
    """A PEM file with further certificate authorities that are believed there."""
    allow_loopback: bool = False
    """Call this machine's own addresses too, even by http. Development only: clients could reach what is inside."""
    timeout_seconds: Annotated[float, Meta(gt=0, le=60)] = 3.0
    """How long one call may take, all of it."""


class Conformance(Table, frozen=True, kw_only=True):
    """Test switches: what an examiner outside needs. Refused in production, and named in the log at every start."""

    key_rotation: bool = False
    """`POST /realms/{realm}/dev/rotate-keys` gives the realm new signing keys at once."""
    ciba_decisions: bool = False
    """`POST /realms/{realm}/dev/ciba?auth_req_id=…&action=allow|deny` decides for the customer."""
    resource_api: str = ""
    """The folder of an example resource server, served by this process under `/accounts-api`."""


class Log(Table, frozen=True, kw_only=True):
    """Structured JSON, a line an event."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """The least important lines that are written."""
    file: str = ""
    """The file to write to, made with mode 0600; empty: standard output."""


class Settings(Table, frozen=True, kw_only=True):
    """All of it."""

    environment: Literal["development", "production"]
    """`production` refuses every switch that is for development or tests only. The file alone says it."""
    server: Server
    """Where the provider listens and what it is called."""
    store: Store
    """Where everything is kept."""
    secrets: Secrets
    """Files that hold secrets."""
    realms: Realms
    """The realms."""
    sms: Sms
    """How text messages leave."""
    mail: Mail = Mail()
    """How e-mail leaves."""
    hashing: Hashing = Hashing()
    """How passwords are hashed."""
    outbound: Outbound = Outbound()
    """Calls to addresses of others."""
    conformance: Conformance = Conformance()
    """Test switches."""
    log: Log = Log()
    """The log."""
    management: Management = Management()
    """The port for probes and Prometheus."""
    telemetry: Telemetry = Telemetry()
    """Traces."""

    @property
    def https(self) -> bool:
        """Tell whether the public address is https."""
        return self.server.base_url.startswith("https://")

    @property
    def mutual_tls_url(self) -> str:
        """The second address, which asks clients for certificates; empty where there is none."""
        return self.server.mutual_tls.base_url if self.server.mutual_tls is not None else ""

    @property
    def test_switches(self) -> tuple[str, ...]:
        """The settings that are on and must be off wherever customers are: a start names them, production refuses."""
        on = {
            "outbound.allow_loopback": self.outbound.allow_loopback,
            "conformance.key_rotation": self.conformance.key_rotation,
            "conformance.ciba_decisions": self.conformance.ciba_decisions,
            "conformance.resource_api": bool(self.conformance.resource_api),
        }
        return tuple(name for name, value in on.items() if value)


def load(path: Path, *, environment: Mapping[str, str], overrides: Mapping[str, Mapping[str, Any]] = {}) -> Settings:
    """Load, override and check the settings.

    Raises:
        SettingsError: the file cannot be read, or something in it cannot be used.

    """
    document = in_file(path)
    for table, values in (*_from_environment(environment), *overrides.items()):
        _override(document, table, values)
    try:
        settings = msgspec.convert(document, Settings, strict=False)
    except msgspec.ValidationError as error:
        raise SettingsError(f"{path}: {error}.") from None
    problems = list(_problems(settings))
    if problems:
        raise SettingsError("\n".join(f"{path}: {problem}" for problem in problems))
    return settings


def in_file(path: Path) -> dict[str, Any]:
    """Return what a file says. Raises `SettingsError`: it cannot be read."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} is not TOML: {error}.") from None


def in_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    """Return what the environment says, as a file would."""
    document: dict[str, Any] = {}
    for table, values in _from_environment(environment):
        _override(document, table, values)
    return document


def variable(name: str) -> str:
    """Return the variable that sets `server.port`, say."""
    return _PREFIX + name.replace(".", "__").upper()


def _from_environment(environment: Mapping[str, str]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, value in environment.items():
        table, separator, key = name.removeprefix(_PREFIX).lower().partition("__")
        if name.startswith(_PREFIX) and separator:
            yield table, _nested(key, value)


def _nested(key: str, value: str) -> dict[str, Any]:
    """Return what a variable sets: `mutual_tls__port` stands in a table of the table."""
    inner, separator, rest = key.partition("__")
    return {inner: _nested(rest, value)} if separator else {key: value.split(",") if key in _LISTS else value}


_LISTS = frozenset({"files", "master_key_files", "allowed_hosts", "trusted_proxies"})


def _override(document: dict[str, Any], table: str, values: Mapping[str, Any]) -> None:
    present = document.get(table)
    document[table] = kept = dict(present) if isinstance(present, dict) else {}
    for key, value in values.items():
        if isinstance(value, Mapping) and isinstance(kept.get(key), dict):
            _override(kept, key, value)
        else:
            kept[key] = value


def _problems(settings: Settings) -> Iterator[str]:
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
