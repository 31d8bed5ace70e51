"""What a client policy demands of an authorization request, row by row."""

from __future__ import annotations

import pytest

from idp.model.clients.rules import NO_RULES, ClientRules
from idp.oidc.authorization.demands import check_demands, check_pushed_demands
from idp.oidc.errors import OAuthError

OPENID = {"scope": "openid profile", "nonce": "n"}
PLAIN = {"scope": "accounts", "state": "s"}
HYBRID = {"response_type": "code id_token"}
JARM = {"response_type": "code", "response_mode": "jwt"}
ADVANCED = ClientRules(protected_answers=True, token_answers=False)
TOKENS = ClientRules(protected_answers=True)
BOUND = ClientRules(session_bound=True)
KEYED = ClientRules(code_bound=True)

CASES: list[tuple[str, ClientRules, dict[str, str], bool]] = [
    ("openid with nonce", BOUND, OPENID, True),
    ("openid with state alone", BOUND, {**OPENID, "nonce": "", "state": "s"}, False),
    ("openid without either", BOUND, {"scope": "openid"}, False),
    ("OAuth with state", BOUND, PLAIN, True),
    ("OAuth with nonce alone", BOUND, {"scope": "accounts", "nonce": "n"}, False),
    ("no scope", BOUND, {"state": "s", "nonce": "n"}, False),
    ("code in the open", ADVANCED, {"response_type": "code"}, False),
    ("code in the open by form", ADVANCED, {"response_type": "code", "response_mode": "form_post"}, False),
    ("code in a JWT", ADVANCED, JARM, True),
    *[
        (f"code in a JWT by {mode}", ADVANCED, {**JARM, "response_mode": f"{mode}.jwt"}, True)
        for mode in ("query", "fragment", "form_post")
    ],
    ("detached signature", ADVANCED, HYBRID, True),
    ("detached signature in another order", ADVANCED, {"response_type": "id_token code"}, True),
    ("detached signature in a JWT", ADVANCED, {**HYBRID, "response_mode": "jwt"}, True),
    ("a token in the answer", ADVANCED, {"response_type": "code id_token token"}, False),
    ("a token in the answer where it may be", TOKENS, {"response_type": "code id_token token"}, True),
    ("an ID token alone", TOKENS, {"response_type": "id_token"}, False),
    ("a token beside the code", TOKENS, {"response_type": "code token"}, False),
    ("no response_type", TOKENS, {}, False),
    ("a code bound to a key", KEYED, {"dpop_jkt": "j" * 43}, True),
    ("a code bound to nothing", KEYED, {"dpop_jkt": ""}, False),
]


@pytest.mark.parametrize(("rules", "parameters", "good"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_a_demand_is_met_or_the_request_is_invalid(
    rules: ClientRules, parameters: dict[str, str], *, good: bool
) -> None:
    check_demands(parameters, NO_RULES)
    if good:
        check_demands(parameters, rules)
        return
    with pytest.raises(OAuthError) as refused:
        check_demands(parameters, rules)
    assert refused.value.code == "invalid_request"


def test_fapi_1_demands_pkce_of_what_is_pushed() -> None:
    check_pushed_demands({}, NO_RULES)
    check_pushed_demands({"code_challenge": "c"}, ClientRules(pushed_pkce=True))
    with pytest.raises(OAuthError) as refused:
        check_pushed_demands({}, ClientRules(pushed_pkce=True))
    assert refused.value.code == "invalid_request"
