"""One of each thing a store keeps, with every field that matters filled in."""

from __future__ import annotations

from idp.model.clients.logout import LogoutDelivery
from idp.model.clients.registration import InitialToken, RegisteredClient
from idp.model.clients.request_object import PushedRequest
from idp.model.event import Event
from idp.model.flow import Category, Evidence, Status
from idp.model.flow_kind import FlowKind
from idp.model.oauth import AuthorizationCode, AuthorizationRequest, RefreshFamily
from idp.model.pending import PendingAuthorization
from idp.model.session import AuthenticationSession, ClientSession, Outstanding, UserSession
from idp.model.user import Consent, FormerPassword, OtpCredential, PasswordCredential, TermsAcceptance, User
from idp.model.version import Confirmation, Draft, Publication, VersionSource

NOW = 1_800_000_000
"""Where the clock of a test stands when it begins."""

EVIDENCE = Evidence(
    execution="password",
    factor="password",
    category=Category.KNOWLEDGE,
    channel="browser",
    amr=("pwd",),
    at=NOW,
    ceremony="tab-1",
)


def a_delivery(delivery_id: str = "delivery-1", *, next_at: int = NOW, attempts: int = 0) -> LogoutDelivery:
    return LogoutDelivery(
        id=delivery_id,
        client_id="internet-banking",
        user_id="user-1",
        sid="sid-1",
        transaction_id="transaction-1",
        created_at=NOW,
        next_at=next_at,
        attempts=attempts,
    )


def a_login(tab_id: str = "tab-1", *, expires_at: int = NOW + 1800) -> AuthenticationSession:
    return AuthenticationSession(
        tab_id=tab_id,
        browser="browser-digest",
        transaction_id="transaction-1",
        kind=FlowKind.BROWSER,
        flow="browser",
        realm_version="v1",
        client_id="internet-banking",
        created_at=NOW,
        valid_until=NOW + 1800,
        expires_at=expires_at,
        request=AuthorizationRequest(
            client_id="internet-banking",
            redirect_uri="https://bank.example/callback",
            response_mode="query",
            scope=("openid", "profile"),
            nonce="n-1",
        ),
        progress={"password": Status.SUCCESS},
        states={"sms": b"\x00memory of a step"},
        evidence=(EVIDENCE,),
        outstanding=Outstanding(execution="totp", salt="salt-1"),
    )


def a_session(sid: str = "sid-1", *, user_id: str = "user-1", started_at: int = NOW) -> UserSession:
    return UserSession(
        sid=sid,
        secret_digest="secret-digest",
        user_id=user_id,
        transaction_id="transaction-1",
        flow="browser",
        realm_version="v1",
        started_at=started_at,
        last_seen_at=started_at,
        auth_time=started_at,
        evidence=(EVIDENCE,),
        level=2,
        clients={"internet-banking": ClientSession(client_id="internet-banking", started_at=NOW, scope=("openid",))},
    )


def a_code(*, expires_at: int = NOW + 60) -> AuthorizationCode:
    return AuthorizationCode(
        client_id="internet-banking",
        redirect_uri="https://bank.example/callback",
        user_id="user-1",
        sid="sid-1",
        transaction_id="transaction-1",
        scope=("openid",),
        nonce="n-1",
        code_challenge="challenge",
        auth_time=NOW,
        acr="2",
        amr=("pwd", "otp"),
        expires_at=expires_at,
        family_id="family-1",
    )


def a_family(family_id: str = "family-1", *, current: str = "jti-1", expires_at: int = NOW + 1800) -> RefreshFamily:
    return RefreshFamily(
        id=family_id,
        client_id="internet-banking",
        user_id="user-1",
        sid="sid-1",
        transaction_id="transaction-1",
        scope=("openid",),
        current=current,
        auth_time=NOW,
        acr="2",
        amr=("pwd", "otp"),
        nonce=None,
        created_at=NOW,
        last_used_at=NOW,
        expires_at=expires_at,
    )


def a_pushed_request() -> PushedRequest:
    return PushedRequest(
        client_id="internet-banking",
        parameters={
            "client_id": "internet-banking",
            "redirect_uri": "https://bank.example/callback",
            "scope": "openid",
        },
        resources=("https://api.bank.example/accounts",),
        expires_at=NOW + 60,
    )


def a_pending(key: str = "pending-1", *, ticket: str = "ticket-1", expires_at: int = NOW + 600) -> PendingAuthorization:
    return PendingAuthorization(
        key=key,
        ticket=ticket,
        kind="device",
        client_id="television",
        transaction_id="transaction-1",
        scope=("openid",),
        created_at=NOW,
        expires_at=expires_at,
        interval=5,
    )


def a_user(user_id: str = "user-1", *, username: str = "agim", email: str = "agim@example.al") -> User:
    return User(
        id=user_id,
        username=username,
        created_at=NOW,
        email=email,
        first_name="Agim",
        last_name="Hoxha",
        attributes={"phoneNumber": ("+355691234567",)},
        credentials=(
            PasswordCredential(id="p-1", sealed=b"\x00sealed", created_at=NOW, temporary=True, expires_at=NOW + 86400),
            OtpCredential(id="o-1", sealed=b"\xffseed", created_at=NOW, label="phone"),
        ),
        former_passwords=(FormerPassword(sealed=b"old", replaced_at=1),),
        required_actions=("UPDATE_PASSWORD",),
        consents={"internet-banking": Consent(scopes=("openid",), at=NOW)},
        terms=TermsAcceptance(version="1", digest="d", at=NOW),
    )


def an_event(kind: str = "LOGIN", *, at: int = NOW, transaction_id: str = "transaction-1") -> Event:
    return Event(
        type=kind, at=at, realm="small-business", transaction_id=transaction_id, user_id="user-1", detail={"a": "b"}
    )


def a_registered_client(client_id: str = "client-1", *, revision: int = 0) -> RegisteredClient:
    return RegisteredClient(
        client_id=client_id,
        sealed=b"sealed",
        token_digest="digest",
        registered_at=NOW,
        initial_token="token-1",
        revision=revision,
    )


def an_initial_token(*, remaining: int = 1, expires_at: int = NOW + 600) -> InitialToken:
    return InitialToken(id="token-1", remaining=remaining, expires_at=expires_at)


def a_publication(
    number: int = 1,
    version: str = "v1",
    *,
    confirm_by: int | None = None,
    source: VersionSource = VersionSource.PUBLISH,
) -> Publication:
    return Publication(
        number=number,
        version=version,
        author="Ana",
        at=NOW,
        reason="Ndryshim i rrjedhës",
        source=source,
        parent=f"before-{version}" if number > 1 else None,
        confirm_by=confirm_by,
    )


def a_draft(name: str = "sms", *, revision: int = 0, sealed: bytes = b"sealed") -> Draft:
    return Draft(name=name, version="v2", base="v1", author="Ana", at=NOW, sealed=sealed, revision=revision)


def a_confirmation(number: int = 1) -> Confirmation:
    return Confirmation(number=number, by="login transaction-1", at=NOW)
