"""By which grants clients get tokens, and what each rests on: nothing but logins, but for two that say so."""

from __future__ import annotations

from typing import Any

import msgspec

from idp.assurance.grants import A_SESSION, A_WORD, NOBODY, Issue, issues
from idp.assurance.report import told
from idp.assurance.symbolic import SymbolicRealm
from idp.assurance.untouched import no_services
from idp.model.client import Client
from idp.model.pending import BackchannelRules, DeviceRules
from idp.oidc.token.endpoint import GRANTS
from tests.assurance.corpus import PASSWORD_PAGE, override, proof
from tests.flows.bench import Edit, loaded


def issued(edit: Edit | None = None, **changed: Any) -> dict[str, Issue]:
    """What the first client of an edited demo gets, by grant."""
    realm = loaded(edit).realm
    first: Client = msgspec.structs.replace(realm.clients["internet-banking"], **changed)
    realm = msgspec.structs.replace(realm, clients={first.client_id: first})
    return {one.grant: one for one in issues(SymbolicRealm(realm, no_services()))}


EVERYTHING: dict[str, Any] = {
    "implicit_flow": True,
    "service_account": True,
    "device": DeviceRules(enabled=True),
    "backchannel": BackchannelRules(enabled=True),
    "token_exchange": True,
    "password_grant": True,
    "assertion_issuers": ("partner",),
}


def test_every_grant_of_the_token_endpoint_is_told() -> None:
    found = issued(**EVERYTHING)
    assert {grant.rsplit(":", 1)[-1].replace("-", "_") for grant in GRANTS} == {
        grant.replace("-", "_") for grant in found if grant != "implicit"
    }


def test_what_a_customer_takes_part_in_rests_on_a_login_of_the_clients_flow() -> None:
    found = issued(**EVERYTHING)
    for grant in ("authorization_code", "implicit", "device_code", "ciba", "password"):
        assert (found[grant].rests_on, found[grant].acr) == ("a login by “bank login”", "mfa-otp")
    assert found["refresh_token"].rests_on == found["token_exchange"].rests_on == A_SESSION


def test_a_flow_of_its_own_bounds_what_the_tokens_of_a_client_say() -> None:
    found = issued(override(PASSWORD_PAGE))
    assert (found["authorization_code"].rests_on, found["authorization_code"].acr) == ("a login by “its own”", "pwd")


def test_an_issuers_word_says_the_lowest_level_and_a_minimum_closes_it() -> None:
    found = issued(**EVERYTHING)
    assert (found["jwt-bearer"].rests_on, found["jwt-bearer"].acr) == (A_WORD, "0")
    assert "jwt-bearer" not in issued(**EVERYTHING, minimum_acr="mfa-otp")


def test_a_client_that_speaks_for_itself_says_no_acr() -> None:
    assert (issued(**EVERYTHING)["client_credentials"].rests_on, issued(**EVERYTHING)["client_credentials"].acr) == (
        NOBODY,
        "",
    )


def test_a_flow_that_sends_messages_has_no_password_grant() -> None:
    message = override(PASSWORD_PAGE, {"authenticator": "sms-otp", "requirement": "REQUIRED"})
    assert "password" not in issued(message, **EVERYTHING)


def test_a_client_that_is_switched_off_gets_nothing() -> None:
    assert issued(enabled=False) == {}


def test_the_report_tells_on_what_tokens_rest() -> None:
    text = told(proof())
    assert "authorization_code: on a login by “bank login”, at most acr “mfa-otp” (internet-banking, cards)" in text
