"""The password grant (RFC 6749 §4.3), for imported clients that use it already; RFC 9700 §2.4 forbids it to new ones.

The application types what a person would: it goes through the direct grant flow that the client or the realm binds,
or else through the client's own browser flow, with the same steps, counters, locks, required actions and commit. Where
that asks for more than a password and a soft token's code (a message, an enrolment, a consent), it is refused.
"""

from __future__ import annotations

from collections.abc import Mapping

from idp.crypto.digest import digest
from idp.flows.assembly import AssembledRealm, follows_flow
from idp.flows.outcomes import Result
from idp.flows.runner import Runner
from idp.flows.tree import leaves
from idp.flows.turns import Ask, Finished
from idp.model.client import Client
from idp.model.flow_kind import FlowKind
from idp.model.oauth import NO_TERMS, AuthorizationCode, AuthorizationRequest
from idp.model.session import AuthenticationSession
from idp.oidc.authorization.commit import commit
from idp.oidc.errors import ErrorCode, OAuthError, Trace
from idp.oidc.grants.authorization_code import granted_by_code
from idp.oidc.grants.granted import Granted, TokenRequest
from idp.oidc.provider import Provider
from idp.oidc.sessions.gate import may_go_on
from idp.oidc.sessions.user_sessions import live_session
from idp.oidc.terms.asked_terms import asked_terms
from idp.ports import Taken

PASSWORD = "password"  # noqa: S105 - the name of a grant, not a secret
_INVALID = "Invalid user credentials."  # Keycloak's words, for every reason
_NOT_SET_UP = "Account is not fully set up."
_MOST_ANSWERS = 8


async def authorize_password(provider: Provider, client: Client, asked: TokenRequest) -> Granted:
    """Log the user of the form in; raises `OAuthError`."""
    assembled = provider.assembled() if provider.assembled is not None else None
    if assembled is None or not client.password_grant:
        raise OAuthError(ErrorCode.UNAUTHORIZED_CLIENT, "The client may not use this grant.")
    for name in ("username", PASSWORD):
        if name not in asked.form:
            raise OAuthError(ErrorCode.INVALID_REQUEST, f"Missing parameter: {name}.")
    if "authorization_details" in asked.form:
        raise OAuthError(ErrorCode.INVALID_REQUEST, "Nobody can consent to authorization_details here.")
    begun = _begun(provider, assembled, client, asked)
    login = await _walked(provider, assembled, begun, _answers(asked.form), address=asked.address)
    code = await _committed(provider, assembled, login, address=asked.address)
    session = await live_session(provider, code.sid, client.client_id, issued_at=code.issued_at)
    user = await may_go_on(provider, code.user_id)
    if session is None or user is None:
        raise _refused(login, _INVALID, "ended or locked meanwhile")
    return granted_by_code(provider, client, code, session, user, asked)


def _begun(provider: Provider, assembled: AssembledRealm, client: Client, asked: TokenRequest) -> AuthenticationSession:
    """Make a login that no browser has; it is never stored."""
    kind = FlowKind.DIRECT_GRANT if assembled.flow_for(FlowKind.DIRECT_GRANT, client) else FlowKind.BROWSER
    flow = assembled.flow_for(kind, client)
    # A right password must not send messages: each costs the bank money, and the person has pressed no button.
    if flow is None or any(assembled.contract(line.id).sends_message for line in leaves(flow.root)):
        raise OAuthError(ErrorCode.UNAUTHORIZED_CLIENT, "The client may not use this grant.", detail="its flow")
    wanted = (*asked.form.get("scope", "").split(), *client.default_scopes)
    now = provider.now()
    return AuthenticationSession(
        tab_id=provider.random_text(16),
        browser="",
        transaction_id=provider.random_text(12),
        kind=kind,
        flow=flow.alias,
        realm_version=assembled.realm.version,
        client_id=client.client_id,
        created_at=now,
        valid_until=now + assembled.realm.lifespans.login,
        expires_at=now + assembled.realm.lifespans.login,
        request=AuthorizationRequest(
            client_id=client.client_id,
            redirect_uri="",
            response_mode="query",
            scope=tuple(dict.fromkeys(name for name in wanted if name in client.scopes)),
            terms=asked_terms(provider, client, NO_TERMS, asked.resources, None),
        ),
    )


def _answers(form: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Return what the application can answer, by step; `totp` is Keycloak's name, `otp` the page's."""
    name, password, code = form["username"], form[PASSWORD], form.get("totp") or form.get("otp", "")
    known = {
        "auth-username-password-form": {"username": name, PASSWORD: password},
        "auth-username-form": {"username": name},
        "auth-password-form": {PASSWORD: password},
        "direct-grant-validate-username": {"username": name},
        "direct-grant-validate-password": {PASSWORD: password},
    }
    by_code = {"otp": code}
    return {**known, "auth-otp-form": by_code, "direct-grant-validate-otp": by_code} if code else known


async def _walked(
    provider: Provider,
    assembled: AssembledRealm,
    login: AuthenticationSession,
    answers: Mapping[str, dict[str, str]],
    *,
    address: str | None,
) -> AuthenticationSession:
    """Answer what the flow asks, each question once; return the finished login."""
    runner, now = Runner(assembled, users=provider.stores.users), provider.now()
    result = await runner.advance(login, now=now, answer=None)
    answered: set[str] = set()
    while isinstance(result.turn, Ask) and len(answered) < _MOST_ANSWERS:
        asked = result.turn.execution
        if follows_flow(asked.id):
            raise _refused(result.session, _NOT_SET_UP, f"{asked.authenticator} is due")
        # T-3 (Keycloak #17411): a way that the application cannot go gives way to another one.
        ways = (way for way in (asked, *result.turn.alternatives) if way.id not in answered)
        way = next((way for way in ways if way.authenticator in answers), None)
        if way is None:
            raise _refused(result.session, _INVALID, f"{asked.authenticator} was not answered, or not rightly")
        if way.id != asked.id:
            chosen = {"authenticationExecution": way.id}
            result = await runner.advance(result.session, now=now, answer=chosen, answers=asked.id)
        answered.add(way.id)
        result = await runner.advance(result.session, now=now, answer=answers[way.authenticator], answers=way.id)
        await _record(provider, result, address=address)
    if not isinstance(result.turn, Finished):
        raise _refused(result.session, _INVALID, "the flow refused the login")
    return result.session


async def _record(provider: Provider, result: Result, *, address: str | None) -> None:
    for event in result.events:
        user_id = event.user_id or result.session.user_id
        if provider.notices is not None:
            await provider.notices.of_event(provider.realm(), event, user_id, now=provider.now())
        await provider.record(
            event.type,
            transaction_id=result.session.transaction_id,
            user_id=user_id,
            client_id=result.session.client_id,
            address=address,
            error=event.error,
            detail=event.detail,
        )


async def _committed(
    provider: Provider, assembled: AssembledRealm, login: AuthenticationSession, *, address: str | None
) -> AuthorizationCode:
    """Make a session of the login, as for a browser; what the code would be worth is taken at once."""
    try:
        committed = await commit(provider, assembled, login, present=None, address=address or "")
    except OAuthError as refused:
        raise _refused(login, _INVALID, refused.detail or refused.description) from refused
    taken = await provider.stores.codes.take(digest(committed.parameters["code"]))
    assert isinstance(taken, Taken), "nobody else has ever seen the code"
    return taken.value


def _refused(login: AuthenticationSession, description: str, detail: str) -> OAuthError:
    trace = Trace(transaction_id=login.transaction_id, user_id=login.user_id)
    return OAuthError(ErrorCode.INVALID_GRANT, description, detail=detail, trace=trace)
