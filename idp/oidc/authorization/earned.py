"""What a login that passed every check has earned: recorded, kept as far as the answer stands on it, and told."""

from __future__ import annotations

from idp.crypto.digest import digest
from idp.flows.strength.levels import amr_of, told_acr
from idp.model.client import Client
from idp.model.oauth import Authorization, AuthorizationCode, AuthorizationRequest
from idp.model.realm import Realm
from idp.model.session import AuthenticationSession, UserSession
from idp.model.struct import Frozen
from idp.model.user import User
from idp.oidc.authorization.response import in_front
from idp.oidc.clients.protection import encrypt_id_token
from idp.oidc.decoupled.decision import approve
from idp.oidc.provider import Provider
from idp.oidc.sessions.browser_state import session_state
from idp.oidc.token.tokens import issue_in_front

_CODE_BYTES = 32


class Earned(Frozen, frozen=True, kw_only=True):
    """A login that `commit` has checked; `session` is the one that it began or joined, `scope` what is granted.

    `level` is what this login has reached in the client's own flow: the session may know more, and need not.
    `path` are the steps that were taken, by name: what a draft of the flow can be tried with.
    `action` is what the application is told of an action that it asked for.
    """

    realm: Realm
    client: Client
    login: AuthenticationSession
    request: AuthorizationRequest
    user: User
    session: UserSession
    level: int
    action: dict[str, str]
    scope: tuple[str, ...]
    path: str = ""

    @property
    def is_silent(self) -> bool:
        """Whether nothing was proven but by the session before."""
        return all(proof.ceremony != self.login.tab_id for proof in self.login.evidence)

    @property
    def auth_time(self) -> int:
        """When the oldest of what carries the login was proven: no answer claims to be fresher than it is.

        What was proven in one ceremony was proven when that was complete (OpenID Connect Core §2: the authentication).
        """
        here, ended = self.login.tab_id, self.session.auth_time
        return min(ended if proof.ceremony == here else proof.at for proof in self.login.evidence)

    @property
    def acr(self) -> str:
        """What the login is called, by what has carried it."""
        return told_acr(self.realm, self.client, self.level, self.request)

    def amr(self, now: int) -> tuple[str, ...]:
        """Return the methods that carried the login."""
        return amr_of(self.login.evidence, now=now)


async def told(provider: Provider, earned: Earned, *, address: str) -> dict[str, str]:
    """Return what the client is told; nothing, where the login approves what somebody else waits for."""
    request = earned.request
    await _recorded(provider, earned, address=address)
    if request.approves is not None:
        await approve(provider, request.approves, _code(provider, earned))
        return {}
    answer = {**earned.action, "session_state": _session_state(provider, earned)}
    if "code" in request.response_type:
        answer["code"] = provider.random_text(_CODE_BYTES)
        await provider.stores.codes.put(digest(answer["code"]), _code(provider, earned))
    if in_front(request.response_type):
        authorization, code = _authorization(provider, earned), answer.get("code")
        answer |= issue_in_front(provider, earned.client, authorization, earned.user, request=request, code=code)
        await encrypt_id_token(provider, earned.client, answer)
    return answer


async def _recorded(provider: Provider, earned: Earned, *, address: str) -> None:
    await provider.record(
        "LOGIN",
        transaction_id=earned.login.transaction_id,
        user_id=earned.user.id,
        client_id=earned.client.client_id,
        sid=earned.session.sid,
        address=address,
        detail={
            "sso": str(earned.is_silent).lower(),
            "amr": " ".join(earned.amr(provider.now())),
            "response_type": " ".join(earned.request.response_type),
            "response_mode": earned.request.response_mode,
            "flow": earned.login.flow,
            "realm_version": earned.login.realm_version,
            "path": earned.path,
            **({"acr_values": " ".join(earned.request.acr_values)} if earned.request.acr_values else {}),
        },
    )


def _session_state(provider: Provider, earned: Earned) -> str:
    client_id, redirect_uri = earned.client.client_id, earned.request.redirect_uri
    return session_state(provider, client_id=client_id, redirect_uri=redirect_uri, sid=earned.session.sid)


def _code(provider: Provider, earned: Earned) -> AuthorizationCode:
    """Return what is kept under the digest of a code."""
    request, session, now = earned.request, earned.session, provider.now()
    lifespan = earned.client.rules.code_lifespan(earned.realm.lifespans.access_code)
    return AuthorizationCode(
        client_id=request.client_id,
        redirect_uri=request.redirect_uri,
        user_id=session.user_id,
        sid=session.sid,
        transaction_id=earned.login.transaction_id,
        scope=earned.scope,
        nonce=request.nonce,
        code_challenge=request.code_challenge,
        auth_time=earned.auth_time,
        acr=earned.acr,
        amr=earned.amr(provider.now()),
        issued_at=now,
        expires_at=now + lifespan,
        family_id=provider.random_text(18),
        terms=request.terms,
        dpop_jkt=request.dpop_jkt,
    )


def _authorization(provider: Provider, earned: Earned) -> Authorization:
    """Return what the tokens of the answer itself say: the same as the code's will (Core §3.3.3.6)."""
    request, session = earned.request, earned.session
    return Authorization(
        client_id=request.client_id,
        user_id=session.user_id,
        sid=session.sid,
        transaction_id=earned.login.transaction_id,
        scope=earned.scope,
        auth_time=earned.auth_time,
        acr=earned.acr,
        amr=earned.amr(provider.now()),
        nonce=request.nonce,
        terms=request.terms,
    )
