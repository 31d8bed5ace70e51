"""A small bank over plain ASGI: one realm on a memory store, with what a login leaves behind made by hand."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from functools import cache
from typing import Any

import httpx
import msgspec
import structlog
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from idp.crypto.base64url import base64url
from idp.crypto.decryption_keys import DecryptionKey
from idp.crypto.digest import digest
from idp.crypto.sealing import AesGcmSealer
from idp.crypto.signing_keys import SigningKey, SigningKeys
from idp.model.client import Client
from idp.model.clients.protection import Protection
from idp.model.oauth import AuthorizationCode
from idp.model.policies.credentials import BruteForcePolicy
from idp.model.realm import Realm
from idp.model.secret import Secret
from idp.model.session import ClientSession, UserSession
from idp.model.user import User
from idp.oidc.provider import Provider
from idp.oidc.registration.registrations import Registrations
from idp.oidc.routes import hot_endpoints
from idp.oidc.sessions.user_sessions import session_expires_at
from idp.ports import RandomBytes, Store
from idp.stores.memory import MemoryKernel
from idp.stores.records import KernelStore
from idp.web.http import Message
from tests.fakes import FakeClock, FakeSites

BASE = "https://id.bank.al"
MUTUAL = "https://mtls.bank.al:8444"
SECRET = "a secret of thirty-two characters"
VERIFIER = "v" * 64
CHALLENGE = base64url(hashlib.sha256(VERIFIER.encode()).digest())
REDIRECT = "https://app.bank.al/callback"
SPA_REDIRECT = "https://spa.bank.al/"
SCOPE = ("openid", "profile", "email", "phone")
PATH = "/realms/bank/protocol/openid-connect/"

CLIENTS = {
    "app": Client(
        client_id="app",
        secret=Secret(SECRET),
        redirect_uris=(REDIRECT,),
        post_logout_redirect_uris=("https://app.bank.al/bye", "https://app.bank.al/bye?lang=sq"),
        web_origins=("https://app.bank.al",),
        default_scopes=("profile", "email"),
        optional_scopes=("phone", "offline_access"),
    ),
    "other": Client(
        client_id="other",
        secret=Secret("another secret of many characters"),
        redirect_uris=("https://other.bank.al/callback",),
        default_scopes=("profile",),
    ),
    "spa": Client(
        client_id="spa",
        public=True,
        redirect_uris=(SPA_REDIRECT,),
        post_logout_redirect_uris=("+",),
        web_origins=("+",),
        default_scopes=("profile", "email"),
        optional_scopes=("phone", "offline_access"),
        id_token=Protection(signed="ES256"),
    ),
    "switched-off": Client(client_id="switched-off", enabled=False, secret=Secret(SECRET)),
    "broken": Client(client_id="broken", secret=None),
}
REALM = Realm(
    name="bank",
    version="1",
    clients=CLIENTS,
    default_signature_algorithm="ES256",
    acr_levels={"2fa": 2, "pwd": 1},
    brute_force=BruteForcePolicy(protected=True, failure_factor=1),
)
ANA = User(
    id="user-ana",
    username="ana",
    created_at=1,
    email="ana@bank.al",
    email_verified=True,
    first_name="Ana",
    last_name="Hoxha",
    attributes={"phoneNumber": ("+355692000000",), "locale": ("sq",), "phoneNumberVerified": ("false",)},
)


@cache
def signing_keys() -> SigningKeys:
    """Made once for all tests: an RSA key takes 60 ms."""
    keys = [
        SigningKey("ES256", ec.generate_private_key(ec.SECP256R1()), created_at=1),
        SigningKey("RS256", rsa.generate_private_key(public_exponent=65537, key_size=2048), created_at=1),
    ]
    decryption = [
        DecryptionKey("RSA-OAEP", rsa.generate_private_key(public_exponent=65537, key_size=2048), published=True),
        DecryptionKey("ECDH-ES", ec.generate_private_key(ec.SECP256R1()), published=True),
    ]
    return SigningKeys(keys, refresh_key=b"r" * 32, code_key=b"c" * 32, decryption=decryption)


class Bank:
    """A provider, a browser application's and a server application's way to it, and the log it writes."""

    def __init__(
        self,
        clock: FakeClock,
        *,
        store: Store | None = None,
        random: RandomBytes = secrets.token_bytes,
        mutual_tls_url: str = "",
        **realm: Any,
    ) -> None:
        self.clock = clock
        self.realm = msgspec.structs.replace(REALM, **realm)
        self.logged: list[MutableMapping[str, Any]] = []
        self.store = store = store or KernelStore(MemoryKernel(clock), clock)
        self.sites = FakeSites()
        registrations = Registrations(
            realm="bank", store=store.realm("bank").registered_clients, sealer=AesGcmSealer([bytes(32)])
        )
        self.realm = msgspec.structs.replace(self.realm, registered=registrations.clients)
        self.provider = Provider(
            name="bank",
            base_url=BASE,
            stores=store.realm("bank"),
            keys=signing_keys(),
            clock=clock,
            random=random,
            registrations=registrations,
            realm=lambda: self.realm,
            sealer=AesGcmSealer([b"m" * 32]),
            mutual_tls_url=mutual_tls_url,
            log=structlog.wrap_logger(
                None, processors=[self._keep], wrapper_class=structlog.make_filtering_bound_logger(0)
            ),
        )
        self.stores = self.provider.stores
        self.http = httpx.AsyncClient(transport=httpx.ASGITransport(self._application()), base_url=BASE)

    def from_address(self, address: str) -> httpx.AsyncClient:
        """Return another way to the provider, from a network address of one's choice."""
        return httpx.AsyncClient(transport=httpx.ASGITransport(self._application(), client=(address, 1)), base_url=BASE)

    def _keep(self, _logger: Any, _method: str, line: MutableMapping[str, Any]) -> str:
        self.logged.append(dict(line))
        raise structlog.DropEvent

    def _application(self) -> Any:
        find = hot_endpoints({"bank": self.provider})

        async def application(
            scope: Any, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
        ) -> None:
            found = find(scope)
            if found is not None:
                await found(scope, receive, send)
                return
            await send({"type": "http.response.start", "status": 599, "headers": []})
            await send({"type": "http.response.body", "body": b"not a hot endpoint"})

        return application

    def change_client(self, client_id: str, **changes: Any) -> None:
        client = msgspec.structs.replace(self.realm.clients[client_id], **changes)
        self.realm = msgspec.structs.replace(self.realm, clients={**self.realm.clients, client_id: client})

    async def customer(self, user: User = ANA) -> None:
        assert await self.stores.users.create(user)

    async def change_customer(self, **changes: Any) -> None:
        user = await self.stores.users.by_id(ANA.id)
        assert user is not None
        assert await self.stores.users.replace(msgspec.structs.replace(user, **changes))

    async def lock_customer(self) -> None:
        await self.stores.attempts.hit(ANA.id, "password", policy=self.realm.brute_force, now=self.provider.now())

    async def login(self, *, sid: str = "sid-1", clients: tuple[str, ...] = ("app", "spa", "other")) -> UserSession:
        """Leave behind what a login leaves behind."""
        now = self.provider.now()
        session = UserSession(
            sid=sid,
            secret_digest="digest",
            user_id=ANA.id,
            transaction_id=f"tx-{sid}",
            flow="browser",
            realm_version="1",
            started_at=now,
            last_seen_at=now,
            auth_time=now,
            evidence=(),
            level=2,
            clients={name: ClientSession(client_id=name, started_at=now) for name in clients},
        )
        await self.stores.user_sessions.create(session, expires_at=session_expires_at(session, self.realm.lifespans))
        return session

    async def code(self, client_id: str = "app", *, text: str | None = None, **changes: Any) -> str:
        """Leave behind a code of the session `sid-1`."""
        text = text or secrets.token_urlsafe(16)
        now = self.provider.now()
        code = AuthorizationCode(
            client_id=client_id,
            redirect_uri=SPA_REDIRECT if client_id == "spa" else REDIRECT,
            user_id=ANA.id,
            sid="sid-1",
            transaction_id="tx-sid-1",
            scope=SCOPE,
            nonce="n-1",
            code_challenge=CHALLENGE,
            auth_time=now,
            acr="2fa",
            amr=("pwd", "otp"),
            issued_at=now,
            expires_at=now + 60,
            family_id=secrets.token_urlsafe(16),
        )
        await self.stores.codes.put(digest(text), msgspec.structs.replace(code, **changes))
        return text

    async def post(self, suffix: str, form: dict[str, Any], **options: Any) -> httpx.Response:
        return await self.http.post(PATH + suffix, data=form, **options)

    async def redeem(self, code: str, client_id: str = "app", /, **changes: str | None) -> httpx.Response:
        form: dict[str, str | None] = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": SPA_REDIRECT if client_id == "spa" else REDIRECT,
            "code_verifier": VERIFIER,
            **credentials(client_id),
            **changes,
        }
        return await self.post("token", without_none(form))

    async def refresh(self, token: str, client_id: str = "app", /, **changes: str | None) -> httpx.Response:
        form: dict[str, str | None] = {
            "grant_type": "refresh_token",
            "refresh_token": token,
            **credentials(client_id),
            **changes,
        }
        return await self.post("token", without_none(form))

    async def tokens(self, client_id: str = "app", **code: Any) -> dict[str, Any]:
        """Log Ana in if she is not, and redeem a code."""
        if await self.stores.users.by_id(ANA.id) is None:
            await self.customer()
        if await self.stores.user_sessions.get("sid-1") is None:
            await self.login()
        reply = await self.redeem(await self.code(client_id, **code), client_id)
        assert reply.status_code == 200, reply.text
        answer: dict[str, Any] = reply.json()
        return answer

    async def userinfo(self, access_token: str) -> httpx.Response:
        return await self.http.get(PATH + "userinfo", headers={"Authorization": f"Bearer {access_token}"})

    async def introspect(self, token: str, client_id: str = "app") -> Any:
        reply = await self.post("token/introspect", {"token": token, **credentials(client_id)})
        assert reply.status_code == 200, reply.text
        return reply.json()

    async def events(self) -> list[str]:
        await self.provider.recorder.keep_noted()
        return [event.type for event in await self.stores.events.recent(limit=100)]


def credentials(client_id: str) -> dict[str, str]:
    secret = CLIENTS[client_id].secret if client_id in CLIENTS else None
    return {"client_id": client_id} | ({"client_secret": secret.reveal()} if secret is not None else {})


def without_none(form: dict[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in form.items() if value is not None}


def payload(token: str) -> dict[str, Any]:
    """Read a token's claims as a client does that trusts its TLS connection."""
    return segment(token, 1)


def segment(token: str, index: int) -> dict[str, Any]:
    part = token.split(".")[index]
    decoded: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return decoded
