"""How this deployment runs: every table of `config/*.toml` and every setting, typed, with its meaning and default.

Secrets never stand here: a setting names the file that holds one.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from idp.settings.gateways import Sms
from idp.settings.management import Management, Telemetry
from idp.settings.table import Table

Port = Annotated[int, Meta(ge=1, le=65535)]
Count = Annotated[int, Meta(ge=1)]


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
