"""The consent page asks about the scopes that the realm wants people asked about, in its words and its order."""

from __future__ import annotations

import msgspec

from idp.flows.actions.consent import _words, is_needed, scope_asked
from idp.model.claims.mapper import ClaimName, ClientScope, Into, UserAttribute
from idp.model.client import Client
from idp.model.oauth import AuthorizationRequest, ClaimRequest, ClaimsRequest, GrantTerms
from idp.model.realm import Realm
from idp.model.user import Consent, User

SCOPES = (
    ClientScope(name="late", gui_order=9, consent_text="Late"),
    ClientScope(name="early", gui_order=1),
    ClientScope(name="silent", on_consent_screen=False),
    ClientScope(name="unplaced"),
)
CLIENT = Client(client_id="app", consent_required=True)
REALM = Realm(name="r", version="1", clients={"app": CLIENT}, client_scopes={scope.name: scope for scope in SCOPES})
ASKED = ("unplaced", "late", "silent", "early", "openid")
USER = User(id="u", username="u", created_at=1)
REQUEST = AuthorizationRequest(client_id="app", redirect_uri="https://a/", response_mode="query", scope=ASKED)


def test_a_scope_is_shown_in_the_realms_words_and_order_or_not_at_all() -> None:
    assert [(word["name"], word["text"]) for word in _words(REALM, ASKED)] == [
        ("openid", ""),
        ("early", ""),
        ("late", "Late"),
        ("unplaced", ""),
    ]


def test_a_scope_that_is_not_shown_needs_no_yes() -> None:
    def granted(*scopes: str) -> User:
        return msgspec.structs.replace(USER, consents={"app": Consent(scopes=scopes, at=1)})

    assert is_needed(REALM, CLIENT, REQUEST, USER)
    assert is_needed(REALM, CLIENT, REQUEST, granted("openid", "early", "unplaced"))
    assert not is_needed(REALM, CLIENT, REQUEST, granted("openid", "early", "late", "unplaced"))


def test_a_single_claim_stands_for_the_first_scope_that_releases_it_unless_one_is_asked_for() -> None:
    level = UserAttribute(attribute="level", claim=ClaimName(path=("level",)), into=Into())
    scopes = {name: ClientScope(name=name, mappers=(level,)) for name in ("first", "second")}
    realm = msgspec.structs.replace(REALM, client_scopes={**REALM.client_scopes, **scopes})
    client = msgspec.structs.replace(CLIENT, optional_scopes=("early", "first", "second"))

    def asked(*scope: str, claim: str = "level") -> tuple[str, ...]:
        terms = GrantTerms(claims=ClaimsRequest(userinfo={claim: ClaimRequest()}))
        return scope_asked(realm, client, msgspec.structs.replace(REQUEST, scope=scope, terms=terms))

    assert asked("openid") == ("openid", "first")
    assert asked("openid", "second") == ("openid", "second")
    assert asked("openid", claim="sub") == ("openid",)
    assert is_needed(
        realm,
        client,
        msgspec.structs.replace(
            REQUEST, scope=("openid",), terms=GrantTerms(claims=ClaimsRequest(id_token={"level": ClaimRequest()}))
        ),
        msgspec.structs.replace(USER, consents={"app": Consent(scopes=("openid", "second"), at=1)}),
    )
