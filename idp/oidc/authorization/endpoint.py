"""`/realms/{realm}/protocol/openid-connect/auth` (RFC 6749 §3.1, OpenID Connect Core §3.1.2), without its HTTP.

An error is told to the target once there is one, and to the person before. A request that an existing session answers
is committed at once; any other opens a login.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import assert_never

import msgspec

from idp.flows.actions import consent
from idp.flows.assembly import follows_flow
from idp.flows.runner import Runner
from idp.flows.strength.levels import demanded_level, wanted_level
from idp.flows.tabs import Tabs
from idp.flows.trace import path_of
from idp.flows.turns import Ask, Detoured, Finished, Refused, StartOver
from idp.flows.versions.published import PublishedRealm
from idp.flows.views import Completed, GoOn, Page, Rejected
from idp.model.client import Client
from idp.model.flow_kind import FlowKind
from idp.model.oauth import AuthorizationRequest
from idp.model.realm import Realm
from idp.model.session import AuthenticationSession
from idp.model.struct import Frozen
from idp.model.user import User
from idp.oidc.authorization import single_sign_on
from idp.oidc.authorization.answer import Answer, answered
from idp.oidc.authorization.commit import Committed, commit
from idp.oidc.authorization.target import Target, UnsafeRequestError, find_target, target_of
from idp.oidc.clients.subject import subject_of
from idp.oidc.decoupled.decision import deny
from idp.oidc.errors import ErrorCode, OAuthError, Trace
from idp.oidc.provider import Provider
from idp.oidc.requests.asked import Asked, checked_request
from idp.oidc.requests.resolved import resolved
from idp.oidc.sessions.browser_session import session_of_cookie
from idp.oidc.sessions.gate import may_go_on
from idp.oidc.version_watch import record_publication

_BY_ERROR = {code.value: code for code in ErrorCode}
_PAGES = {
    ErrorCode.INVALID_REQUEST_OBJECT: "invalid_request_object",
    ErrorCode.INVALID_REQUEST_URI: "invalid_request_uri",
    ErrorCode.REQUEST_URI_NOT_SUPPORTED: "invalid_request_uri",
}
"""What a page of our own says where nobody can be told: it names the parameter."""


class OpenLogin(Frozen, frozen=True, kw_only=True):
    """Send the browser to the first page of this login."""

    session: AuthenticationSession


class Browser(Frozen, frozen=True, kw_only=True):
    """What the request's browser brought: the digest of its own cookie, the session cookie, its address."""

    id: str
    session_cookie: str | None
    address: str


class AuthorizationEndpoint:
    """Authorization requests of one realm: begun here, finished here when their login is done."""

    def __init__(
        self,
        *,
        provider: Provider,
        tabs: Tabs,
        published: PublishedRealm,
    ) -> None:
        self._provider = provider
        self._tabs = tabs
        self._published = published
        self._current = published.current

    async def begin(
        self, given: Asked, *, browser: Browser, locale: Callable[[tuple[str, ...]], str]
    ) -> Answer | OpenLogin:
        """Answer a request, or open its login. `locale` chooses a language, given the request's `ui_locales`.

        `given` is what stands in the request itself; what it asks for may stand elsewhere.

        Raises:
            UnsafeRequestError: the answer is a page of our own.

        """
        current = self._current()
        try:
            asked = await resolved(self._provider, given)
        except OAuthError as error:
            return await self._unresolved(current.realm, given, error, browser=browser)
        client, target = find_target(current.realm, asked.parameters, issuer=self._provider.issuer)
        try:
            request = checked_request(self._provider, client, target, asked)
            return await self._begin(request, client, target, browser=browser, locale=locale(request.ui_locales))
        except OAuthError as error:
            return await self._told(client, target, error, browser=browser, pushed=asked.pushed)

    async def finish(self, login: AuthenticationSession, *, browser: Browser) -> Answer:
        """Commit a completed login and answer its request.

        Raises:
            UnsafeRequestError: the client can no longer be answered at its address.

        """
        client, target = self._target(login.request)
        try:
            return await self._committed(login, client, target, browser=browser)
        except OAuthError as error:
            pushed = _pushed_of(login)
            return await self._told(client, target, error, browser=browser, pushed=pushed, login=login)

    async def begin_approval(
        self, request: AuthorizationRequest, *, browser: Browser, locale: str
    ) -> Answer | OpenLogin:
        """Open the login in which a person decides a waiting request; `request.approves` says which.

        Raises:
            UnsafeRequestError: the client that waits is gone.

        """
        client, target = self._target(request)
        try:
            return await self._begin(request, client, target, browser=browser, locale=locale)
        except OAuthError as error:
            return await self._told(client, target, error, browser=browser, pushed="")

    async def rejected(self, login: AuthenticationSession, error: str) -> Answer:
        """Tell the client that the login was refused.

        Raises:
            UnsafeRequestError: there is no request, or the client can no longer be answered at its address.

        """
        code, request = _BY_ERROR.get(error, ErrorCode.SERVER_ERROR), login.request
        if request is not None and request.approves is not None and code is ErrorCode.ACCESS_DENIED:
            # A name that was typed is nobody: only who has proven something has been asked.
            await deny(self._provider, request.approves, user_id=login.user_id if login.evidence else None)
        answer = {"error": code.value, "error_description": _said("The login was not completed.", login.transaction_id)}
        client, target = self._target(login.request)
        await self._answered(_pushed_of(login))
        return await answered(self._provider, client, target, answer)

    async def _begin(
        self, request: AuthorizationRequest, client: Client, target: Target, *, browser: Browser, locale: str
    ) -> Answer | OpenLogin:
        login = self._tabs.opened(
            kind=FlowKind.BROWSER,
            client_id=client.client_id,
            browser=browser.id,
            locale=locale,
            request=request,
            transaction_id=None if request.approves is None else request.approves.transaction_id,
        )
        if login is None:
            raise OAuthError(ErrorCode.SERVER_ERROR, "The realm has no login.", detail="no browser flow is bound")
        if demanded_level(self._current().realm, client, request) > self._current().highest_level(login.flow):
            # Nobody is asked for a password that cannot lead there (OpenID Unmet Authentication Requirements §2).
            raise OAuthError(ErrorCode.UNMET_AUTHENTICATION_REQUIREMENTS, "No login here is strong enough.")
        fresh = msgspec.structs.replace(login, address=browser.address)
        login = await self._with_session(fresh, client, browser)
        if "none" in request.prompt:
            return await self._silently(login, client, target, browser=browser)
        view = await self._tabs.begin(login, address=browser.address)
        if isinstance(view, Completed) and self._falls_short(view.session, client):
            # Nothing more would be asked of whom the session knows; but there may be a stronger way to log in.
            view = await self._tabs.begin(fresh, address=browser.address)
        match view:
            case Page() | GoOn():
                return OpenLogin(session=view.session)
            case Completed():
                return await self._committed(view.session, client, target, browser=browser)
            case Rejected():
                raise OAuthError(
                    _BY_ERROR.get(view.error, ErrorCode.SERVER_ERROR),
                    "The login was refused.",
                    detail=view.reason,
                    trace=Trace(transaction_id=view.session.transaction_id, user_id=view.session.user_id),
                )
            case _:
                raise OAuthError(ErrorCode.SERVER_ERROR, "The login was refused.", detail="nothing to show")

    def _falls_short(self, login: AuthenticationSession, client: Client) -> bool:
        """Tell whether a login has reached less than its request asks for."""
        assert login.request is not None
        current = self._current()
        reached = Runner(current, users=self._provider.stores.users).level(login)
        return reached < wanted_level(current.realm, client, login.request)

    async def _with_session(
        self, login: AuthenticationSession, client: Client, browser: Browser
    ) -> AuthenticationSession:
        """Let the browser's user session answer for the login, if it may."""
        session = await session_of_cookie(self._provider, browser.session_cookie)
        current = self._current()
        flow = current.flow_for(FlowKind.BROWSER, client)
        if session is None or flow is None or login.request is None:
            return login
        subject = subject_of(self._provider, client, session.user_id)
        may_answer = single_sign_on.answers(login.request, session, flow=flow, subject=subject)
        if not may_answer and "select_account" not in login.request.prompt:
            return login
        # A disabled or locked user's session answers for nobody (T-20), nor does one from before a password change.
        user = await may_go_on(self._provider, session.user_id, at_once=False)  # the commit asks again
        if user is None or session.auth_time < user.not_before:
            return login
        return self._tabs.answered_by(login, session, user) if may_answer else _offered(login, login.request, user)

    async def _silently(
        self, login: AuthenticationSession, client: Client, target: Target, *, browser: Browser
    ) -> Answer:
        """Answer `prompt=none`: nothing is shown, nothing is stored, no other login is disturbed (T-28)."""
        if login.sso_sid is None:
            raise OAuthError(ErrorCode.LOGIN_REQUIRED, "The user is not logged in.")
        runner = Runner(self._current(), users=self._provider.stores.users)
        result = await runner.advance(login, now=self._provider.now(), answer=None)
        match result.turn:
            case Finished() if not self._falls_short(result.session, client):
                return await self._committed(result.session, client, target, browser=browser)
            case Ask(execution=execution) if follows_flow(execution.id):
                asks_consent = execution.id == consent.EXECUTION_ID
                code = ErrorCode.CONSENT_REQUIRED if asks_consent else ErrorCode.INTERACTION_REQUIRED
                raise OAuthError(code, "The user must do something first.")
            case (
                Finished() | Ask() | Refused() | StartOver() | Detoured()
            ):  # OpenID Connect Core §3.1.2.6: something is not proven
                raise OAuthError(ErrorCode.LOGIN_REQUIRED, "The user is not logged in.")
            case _:
                assert_never(result.turn)

    async def _committed(
        self, login: AuthenticationSession, client: Client, target: Target, *, browser: Browser
    ) -> Answer:
        assembled = await self._published.assembled(login.realm_version)
        if assembled is None:
            raise OAuthError(ErrorCode.SERVER_ERROR, "The login was refused.", detail="unknown realm version")
        present = await session_of_cookie(self._provider, browser.session_cookie)
        done: Committed = await commit(self._provider, assembled, login, present=present, address=browser.address)
        confirmed = await self._published.completed(login)
        if confirmed is not None:
            await record_publication(self._provider, "REALM_CONFIRMED", confirmed, by=login)
        return await answered(self._provider, client, target, done.parameters, sid=done.sid, cookie=done.cookie)

    async def _unresolved(self, realm: Realm, given: Asked, error: OAuthError, *, browser: Browser) -> Answer:
        """Tell of a request that cannot be read: at the target, if what stands outside of it proves one."""
        try:
            client, target = find_target(realm, given.parameters, issuer=self._provider.issuer)
        except UnsafeRequestError:
            key = _PAGES.get(error.code, "invalid_request")
            raise UnsafeRequestError(key, error.detail or error.description) from error
        return await self._told(client, target, error, browser=browser)

    async def _answered(self, pushed: str) -> None:
        """Use a pushed request up (RFC 9126 §4): an error is an answer, too."""
        if pushed:
            await self._provider.stores.pushed_requests.take(pushed)

    async def _told(
        self,
        client: Client,
        target: Target,
        error: OAuthError,
        *,
        browser: Browser,
        pushed: str = "",
        login: AuthenticationSession | None = None,
    ) -> Answer:
        await self._answered(pushed)
        trace = error.trace
        reference = trace.transaction_id or self._provider.random_text(12)
        await self._provider.record(
            error.event or "LOGIN_ERROR",
            transaction_id=reference,
            user_id=trace.user_id,
            client_id=trace.client_id or client.client_id,
            address=browser.address,
            error=error.code.value,
            detail={"reason": error.detail or error.description} | (await self._where(login) if login else {}),
        )
        answer = {"error": error.code.value, "error_description": _said(error.description, reference)}
        return await answered(self._provider, client, target, answer)

    async def _where(self, login: AuthenticationSession) -> dict[str, str]:
        """Return what leads an operator from a reference to the place in a flow."""
        assembled = await self._published.assembled(login.realm_version)
        found = {"flow": login.flow, "realm_version": login.realm_version}
        return found | ({"path": path_of(assembled, login)} if assembled is not None else {})

    def _target(self, request: AuthorizationRequest | None) -> tuple[Client, Target]:
        found = target_of(self._current().realm, request, issuer=self._provider.issuer) if request else None
        if found is None:
            raise UnsafeRequestError("client_not_found", "the client of the login can no longer be answered")
        return found


def _offered(login: AuthenticationSession, request: AuthorizationRequest, user: User) -> AuthenticationSession:
    """Offer the user who is logged in on the login page, where another name can be typed (`prompt=select_account`)."""
    hint = request.login_hint or user.username
    return msgspec.structs.replace(login, request=msgspec.structs.replace(request, login_hint=hint))


def _said(description: str, reference: str) -> str:
    """Return what a client is told; whoever shows it to a person shows what leads an operator to the reason."""
    end = "" if description.endswith((".", "!", "?")) else "."  # a realm's own words may have none
    return f"{description}{end} Reference: {reference}"


def _pushed_of(login: AuthenticationSession) -> str:
    return login.request.pushed if login.request is not None else ""
