"""A realm version at work on memory stores: what a test of flows needs, without HTTP."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import msgspec
import pyotp
import structlog

from idp.audit.events import Recorder
from idp.crypto.sealing import AesGcmSealer
from idp.flows.assembly import AssembledRealm
from idp.flows.compiler import CompiledFlow, compile_realm
from idp.flows.credentials.sealed import password_purpose, seed_purpose
from idp.flows.customers.newcomers import Newcomers
from idp.flows.outcomes import Result
from idp.flows.runner import Runner
from idp.flows.step import Login, StepServices
from idp.flows.turns import Ask
from idp.model.finding import Finding
from idp.model.flow_kind import FlowKind
from idp.model.messages.message import Carried
from idp.model.oauth import AuthorizationRequest
from idp.model.realm import Realm
from idp.model.session import AuthenticationSession
from idp.model.user import OtpCredential, PasswordCredential, User
from idp.ports import MessageUndeliveredError, Passwords, RealmStores
from idp.realms.files.placeholders import Surroundings
from idp.realms.loading import LoadedRealm, load
from idp.stores.memory import MemoryKernel
from idp.stores.records import KernelStore
from tests.fakes import FakeClock, FakeErrands, FakeMail, FakeUpstreams

ROOT = Path(__file__).parents[2]
SURROUNDINGS = Surroundings(vault=lambda _realm, _key: "a secret of 32 characters, at least", environment={})
PASSWORD = "fjalëkalimi i vjetër"
PHONE = "+355692000109"
LINKS = "http://localhost:8080/realms/small-business/login-actions/action-token"
SEED = b"12345678901234567890"
Edit = Callable[[dict[str, Any]], None]


class QuickPasswords:
    """An `idp.ports.Passwords` that costs nothing and counts what it was asked."""

    def __init__(self) -> None:
        self.verified: list[bytes | None] = []

    def share(self, subscriber: str) -> AbstractContextManager[None]:
        del subscriber
        return nullcontext()

    def place(self) -> AbstractContextManager[None]:
        return nullcontext()

    async def hash(self, password: str) -> bytes:
        return b"quick:" + hashlib.sha256(password.encode()).digest()

    async def verify(self, password: str, hashed: bytes | None) -> bool:
        self.verified.append(hashed)
        return hashed is not None and hashed == await self.hash(password)

    def outdated(self, hashed: bytes) -> bool:
        return not hashed.startswith(b"quick:")


class Phone:
    """An `idp.ports.SmsSender` that keeps what it is given; `down` makes it refuse."""

    def __init__(self) -> None:
        self.messages: list[tuple[str, str]] = []
        self.down = False

    async def send(self, *, to: str, text: str) -> Carried:
        if self.down:
            raise MessageUndeliveredError("the gateway answered 503")
        self.messages.append((to, text))
        return Carried(gateway="fake", message_id=str(len(self.messages)))

    @property
    def code(self) -> str:
        return self.messages[-1][1].rsplit("#", 1)[1]


class Bench:
    """The stores and gateways of one realm."""

    def __init__(self, *, passwords: Passwords | None = None) -> None:
        self.clock = FakeClock()
        self.sms = Phone()
        self.mail = FakeMail()
        self.errands = FakeErrands()
        self.quick = QuickPasswords()
        self.sealer = AesGcmSealer([bytes(32)])
        self.kernel = MemoryKernel(self.clock)
        self.stores: RealmStores = KernelStore(self.kernel, self.clock).realm("small-business")
        self.services = StepServices(
            users=self.stores.users,
            attempts=self.stores.attempts,
            throttle=self.stores.throttle,
            first_use=self.stores.first_use,
            counters=self.stores.counters,
            latest=self.stores.latest,
            passwords=passwords or self.quick,
            sealer=self.sealer,
            sms=self.sms,
            message_deliveries=self.stores.message_deliveries,
            mail=self.mail,
            upstreams=FakeUpstreams(),
            beside=self.errands,
            random=secrets.token_bytes,
            code_key=bytes(32),
            site="localhost",
            origin="http://localhost:8080",
            action_links=LINKS,
            token_application="http://localhost:8080/realms/small-business/token/",
        )
        self.recorder = Recorder(self.stores.events, structlog.get_logger())

    @property
    def now(self) -> int:
        return int(self.clock())

    async def add_user(self, *, token: bool = False, phone: bool = True, **changed: Any) -> User:
        """Create a user with a password, and a soft token and a phone if wanted."""
        user = User(
            id="user-1",
            username="ana",
            created_at=self.now,
            email="ana@example.al",
            first_name="Ana",
            attributes={"phoneNumber": (PHONE,)} if phone else {},
            credentials=(await self.password_credential(), *([self.token_credential()] if token else [])),
        )
        user = msgspec.structs.replace(user, **changed)
        assert await self.stores.users.create(user)
        return user

    async def password_credential(self, password: str = PASSWORD, **changed: Any) -> PasswordCredential:
        sealed = self.sealer.seal(
            await self.services.passwords.hash(password), purpose=password_purpose("small-business", "user-1")
        )
        made = PasswordCredential(id="password-1", sealed=sealed, created_at=self.now)
        return msgspec.structs.replace(made, **changed)

    def token_credential(self, credential_id: str = "token-1") -> OtpCredential:
        purpose = seed_purpose("small-business", "user-1", credential_id)
        return OtpCredential(
            id=credential_id,
            sealed=self.sealer.seal(SEED, purpose=purpose),
            created_at=self.now,
            label=credential_id,
        )

    def otp(self) -> str:
        """What the token of `token_credential` shows now."""
        return pyotp.TOTP(base64.b32encode(SEED).decode()).at(self.now)

    async def user(self) -> User:
        user = await self.stores.users.by_id("user-1")
        assert user is not None
        return user

    async def change(self, **changed: Any) -> None:
        assert await self.stores.users.replace(msgspec.structs.replace(await self.user(), **changed))

    def login(self, user: User | None, *, realm: Realm | None = None, **changed: Any) -> Login:
        """What a step sees: everything proven, a button pressed, nothing remembered."""
        made = Login(
            realm=realm or demo_realm(),
            kind=FlowKind.BROWSER,
            execution="here",
            ceremony="tab-1",
            now=self.now,
            locale="sq",
            posted=True,
            user=user,
            client_id="internet-banking",
            requested_scope=("openid",),
            proven=frozenset({"password", "sms-otp", "otp"}),
        )
        return msgspec.structs.replace(made, **changed)

    def newcomers(self, realm: Realm, *, alone: bool = True) -> Newcomers:
        return Newcomers(realm=realm, services=self.services, recorder=self.recorder, now=self.now, alone=alone)

    def run(self, realm: Realm) -> Walk:
        """Begin a login of this realm version."""
        return Walk(self, AssembledRealm(realm, self.services))


class Walk:
    """One login, walked by hand: `enter` gives answers to whatever is asked."""

    def __init__(self, bench: Bench, assembled: AssembledRealm) -> None:
        self.bench = bench
        self.assembled = assembled
        self.runner = Runner(assembled, users=bench.stores.users)
        self.session = a_login(bench, assembled)
        self.result: Result | None = None

    async def show(self) -> Result:
        """A GET."""
        return await self._turn(None)

    async def enter(self, **answer: str) -> Result:
        """A POST to what is asked."""
        return await self._turn(answer)

    @property
    def asks(self) -> str:
        """The authenticator whose page is shown."""
        assert self.result is not None
        assert isinstance(self.result.turn, Ask), self.result.turn
        return self.result.turn.execution.authenticator

    @property
    def page(self) -> str:
        assert self.result is not None
        assert isinstance(self.result.turn, Ask), self.result.turn
        return self.result.turn.challenge.page

    @property
    def ways(self) -> dict[str, str]:
        """The other ways that are offered: authenticator → execution id."""
        assert self.result is not None
        assert isinstance(self.result.turn, Ask), self.result.turn
        return {execution.authenticator: execution.id for execution in self.result.turn.alternatives}

    async def stands(self) -> bool:
        return await self.runner_stands(self.session)

    async def runner_stands(self, session: AuthenticationSession) -> bool:
        return self.runner.stands(session, await self.bench.user(), now=self.bench.now)

    async def _turn(self, answer: Mapping[str, str] | None) -> Result:
        asked = self.result.turn if self.result is not None else None
        answers = asked.execution.id if isinstance(asked, Ask) else None
        if answer is not None:  # as `Tabs.answer` takes it
            self.session = msgspec.structs.replace(self.session, answers=self.session.answers + 1)
        self.result = await self.runner.advance(self.session, now=self.bench.now, answer=answer, answers=answers)
        self.session = self.result.session
        return self.result


def a_login(bench: Bench, assembled: AssembledRealm, kind: FlowKind = FlowKind.BROWSER) -> AuthenticationSession:
    flow = assembled.flow_for(kind, None)
    assert flow is not None
    request = AuthorizationRequest(
        client_id="internet-banking",
        redirect_uri="http://localhost:8090/small-business/callback",
        response_mode="query",
        scope=("openid",),
    )
    return AuthenticationSession(
        tab_id="tab-1",
        browser="browser-digest",
        transaction_id="transaction-1",
        kind=kind,
        flow=flow.alias,
        realm_version=assembled.realm.version,
        client_id="internet-banking",
        created_at=bench.now,
        valid_until=bench.now + 1800,
        expires_at=bench.now + 5400,
        request=request,
    )


def document(edit: Edit | None = None) -> dict[str, Any]:
    """The demo's realm file, edited."""
    found: dict[str, Any] = json.loads((ROOT / "realms" / "small-business.json").read_text())
    if edit is not None:
        edit(found)
    return found


def loaded(edit: Edit | None = None) -> LoadedRealm:
    return load(json.dumps(document(edit)), surroundings=SURROUNDINGS)


def demo_realm(edit: Edit | None = None) -> Realm:
    return loaded(edit).realm


def step(authenticator: str, requirement: str = "REQUIRED", config: str | None = None) -> dict[str, Any]:
    """A line of a flow that names an authenticator."""
    line: dict[str, Any] = {"authenticator": authenticator, "requirement": requirement, "authenticatorFlow": False}
    return {**line, "authenticatorConfig": config} if config is not None else line


def sub(alias: str, requirement: str = "REQUIRED") -> dict[str, Any]:
    """A line of a flow that names a sub-flow."""
    return {"flowAlias": alias, "requirement": requirement, "authenticatorFlow": True}


def flow(alias: str, *lines: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A flow of a realm file; its lines get ascending priorities."""
    numbered = [{"priority": 10 * (number + 1), **line} for number, line in enumerate(lines)]
    return {"alias": alias, "providerId": "basic-flow", "authenticationExecutions": numbered, **more}


def with_flows(*flows: dict[str, Any]) -> Edit:
    """Let the first flow be the browser flow, beside the registration of the demo."""

    def edit(found: dict[str, Any]) -> None:
        kept = {"soft token registration", "the present token"}
        of_demo = [flow for flow in found["authenticationFlows"] if flow["alias"] in kept]
        found["authenticationFlows"] = [*flows, *of_demo]
        found["browserFlow"] = flows[0]["alias"]

    return edit


def all_edits(*edits: Edit) -> Edit:
    """Several edits, one after the other."""

    def edit(found: dict[str, Any]) -> None:
        for one in edits:
            one(found)

    return edit


def no_actions(found: dict[str, Any]) -> None:
    """Leave out what the first access asks for: these logins end with their flow."""
    for action in found["requiredActions"]:
        action["defaultAction"] = False


def compiled(*flows: dict[str, Any], **more: Any) -> tuple[dict[str, CompiledFlow], list[Finding], dict[str, Any]]:
    """Compile a realm of these flows alone; the first is the browser flow. Also returns the file."""
    found: dict[str, Any] = {
        "realm": "r",
        "enabled": True,
        "browserFlow": flows[0]["alias"],
        "authenticationFlows": list(flows),
        **more,
    }
    flows_of, findings = compile_realm(load(json.dumps(found), surroundings=SURROUNDINGS).realm)
    return flows_of, findings, found


def at(found: Any, pointer: str) -> Any:
    """What a JSON pointer (RFC 6901) names in a file."""
    for token in pointer.split("/")[1:]:
        key = token.replace("~1", "/").replace("~0", "~")
        found = found[int(key)] if isinstance(found, list) else found[key]
    return found


def told(findings: list[Finding], rule: str) -> list[Finding]:
    """The findings of one rule."""
    return [finding for finding in findings if finding.rule == rule]
