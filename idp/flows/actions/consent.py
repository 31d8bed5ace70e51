"""Consent: what a client will see, granted by the user and remembered (OpenID Connect Core §3.1.2.4).

Not an action of the user's list: the runner adds it where the client or the request asks for it.
"""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec

from idp.crypto.digest import digest
from idp.flows.actions.described import described
from idp.flows.customers.users import amend
from idp.flows.engine import Usability
from idp.flows.step import Challenge, Failure, Form, Login, Outcome, StepContract, StepEvent, StepServices, Success
from idp.model.claims.mapper import claim_names
from idp.model.client import Client
from idp.model.oauth import AuthorizationRequest
from idp.model.realm import Realm
from idp.model.user import Consent, User

EXECUTION_ID = "consent"


def is_needed(realm: Realm, client: Client, request: AuthorizationRequest, user: User) -> bool:
    """Tell whether the user must be asked: by the request, for its authorization details, or for a further scope."""
    if "consent" in request.prompt or request.approves is not None:
        return True  # what another device asked for is never granted unseen (RFC 8628 §5.4)
    if request.terms.authorization_details:
        # RFC 9396 §7: a payment is agreed to each time; a yes to one is none to the next, nor to a larger one.
        return True
    return not covers(realm, client, user, scope_asked(realm, client, request))


def covers(realm: Realm, client: Client, user: User, scope: tuple[str, ...]) -> bool:
    """Tell whether the client may have the scope without asking: it needs no consent, or the user's covers it all."""
    if not client.consent_required:
        return True
    granted = user.consents.get(client.client_id)
    return granted is not None and _shown(realm, scope) <= set(granted.scopes)


def scope_asked(realm: Realm, client: Client, request: AuthorizationRequest) -> tuple[str, ...]:
    """Return the scope that a yes stands for: what is asked for, and what would release the single claims that are.

    A claim that no scope asked for releases (Core §5.5) is shown as the first scope of the client that does.
    """
    asked = request.terms.claims
    if asked is None:
        return request.scope
    found = dict.fromkeys(request.scope)
    for name in dict.fromkeys((*asked.id_token, *asked.userinfo)):
        releasing = [
            scope for scope in (*client.default_scopes, *client.optional_scopes) if _releases(realm, scope, name)
        ]
        if releasing and found.keys().isdisjoint(releasing):
            found[releasing[0]] = None
    return tuple(found)


def _releases(realm: Realm, scope: str, claim: str) -> bool:
    known = realm.client_scopes.get(scope)
    return known is not None and any(claim in claim_names(mapper) for mapper in known.mappers)


def _shown(realm: Realm, scopes: tuple[str, ...]) -> frozenset[str]:
    """Return the scopes that people are asked about (`display.on.consent.screen`)."""
    return frozenset(s for s in scopes if s not in realm.client_scopes or realm.client_scopes[s].on_consent_screen)


def _words(realm: Realm, scopes: tuple[str, ...]) -> list[dict[str, str]]:
    """Return what the page says for each scope, in `gui.order`: the realm's words, or none for our own."""
    shown = _shown(realm, scopes)
    names = sorted((name for name in scopes if name in shown), key=lambda name: _place(realm, name))
    found = {name: realm.client_scopes.get(name) for name in names}
    return [{"name": name, "text": scope.consent_text if scope is not None else ""} for name, scope in found.items()]


def _place(realm: Realm, name: str) -> tuple[int, int]:
    """`openid` first, then by `gui.order`, then those that have none."""
    scope = realm.client_scopes.get(name)
    if scope is None:
        return 0, 0
    return (2, 0) if scope.gui_order is None else (1, scope.gui_order)


def _agreed(details: tuple[dict[str, Any], ...]) -> dict[str, str]:
    """Return what an event keeps of details: enough to prove which ones were shown, without whom was paid."""
    if not details:
        return {}
    types = " ".join(dict.fromkeys(str(detail["type"]) for detail in details))
    return {"authorization_details": types, "digest": digest(msgspec.json.encode(details, order="sorted").decode())}


def consented(realm: Realm, user: User, *, client_id: str, scope: tuple[str, ...], at: int) -> User:
    """Return the user with a consent to the scopes, and to those that were consented to before."""
    before = user.consents.get(client_id)
    scopes = _shown(realm, scope) | set(before.scopes if before is not None else ())
    consent = Consent(scopes=tuple(sorted(scopes)), at=at)
    return msgspec.structs.replace(user, consents={**user.consents, client_id: consent})


class AskConsent:
    """Shows the scopes and asks for a yes or a no."""

    contract: ClassVar[StepContract] = StepContract()

    def __init__(self, *, realm: Realm, services: StepServices) -> None:
        self._realm = realm
        self._services = services

    def usable(self, user: User | None) -> Usability:
        """Ready for every known user."""
        return Usability.READY if user is not None else Usability.NO

    async def challenge(self, login: Login) -> Outcome:
        """Show the page."""
        if login.hinted_user_id not in {None, login.known_user.id}:
            # Who was not asked is not shown what was asked (OpenID Connect Core §3.1.2.1, CIBA Core §7.1).
            return Failure(reason="another user than the one who is asked", error="login_required")
        client = self._realm.client(login.client_id)
        title = client.called(login.locale) if client is not None else login.client_id
        return Challenge(
            page="consent.html",
            fields={
                "client_title": title,
                "scopes": _words(self._realm, login.requested_scope),
                "approves": login.approves,
                "details": described(login.requested_details),
            },
        )

    async def verify(self, login: Login, answer: Form) -> Outcome:
        """A yes is remembered, a no is told to the client as `access_denied`."""
        if "cancel" in answer:
            return Failure(reason="consent denied", event_error="rejected_by_user")
        if "accept" not in answer:
            return await self.challenge(login)

        def granted(user: User) -> User:
            return consented(self._realm, user, client_id=login.client_id, scope=login.requested_scope, at=login.now)

        await amend(self._services.users, login.known_user.id, granted)
        return Success(events=(StepEvent(type="GRANT_CONSENT", detail=_agreed(login.requested_details)),))
