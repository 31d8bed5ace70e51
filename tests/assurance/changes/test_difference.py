"""What a change means: each line an edit of the demo's realm, the sentence it must make, and which way it goes."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from idp.assurance.changes.change import Direction, Topic
from idp.assurance.changes.difference import Difference, difference
from idp.realms.loading import LoadedRealm, load
from tests.flows.bench import ROOT, SURROUNDINGS, Edit, flow, step, sub

WEAKER, STRONGER, NEUTRAL = Direction.WEAKER, Direction.STRONGER, Direction.NEUTRAL
OPPOSITE = {WEAKER: STRONGER, STRONGER: WEAKER, NEUTRAL: NEUTRAL}
DEMO: dict[str, Any] = json.loads((ROOT / "realms" / "small-business.json").read_text(encoding="utf-8"))
FORM, OTP, SMS = step("auth-username-password-form"), step("auth-otp-form"), step("sms-otp")
COOKIE = step("auth-cookie", "ALTERNATIVE")
GATE = step("soft-token-gate")


def loaded(document: Any) -> LoadedRealm:
    return load(json.dumps(document), surroundings=SURROUNDINGS)


def edited(edit: Edit, document: Any = DEMO) -> dict[str, Any]:
    changed: dict[str, Any] = copy.deepcopy(document)
    edit(changed)
    return changed


def compared(before: Any, after: Any) -> Difference:
    return difference(loaded(before), loaded(after), labels=("before", "after"))


def sentences(found: Difference) -> dict[str, Direction]:
    return {change.text: change.direction for change in found.changes}


def put(key: str, value: Any) -> Edit:
    def edit(found: dict[str, Any]) -> None:
        found[key] = value

    return edit


def of_cards(key: str, value: Any) -> Edit:
    def edit(found: dict[str, Any]) -> None:
        found["clients"][1][key] = value

    return edit


def attribute(key: str, value: str | None) -> Edit:
    def edit(found: dict[str, Any]) -> None:
        attributes = found["clients"][1]["attributes"]
        if value is None:
            del attributes[key]
        else:
            attributes[key] = value

    return edit


def own_login(*lines: dict[str, Any]) -> Edit:
    """Give the client `cards` a login of its own."""

    def edit(found: dict[str, Any]) -> None:
        found["authenticationFlows"] += [
            {**flow("own", COOKIE, sub("own forms", "ALTERNATIVE")), "id": "own"},
            {**flow("own forms", *lines), "topLevel": False},
        ]
        found["clients"][1]["authenticationFlowBindingOverrides"] = {"browser": "own"}

    return edit


SETTINGS: list[tuple[Edit, str, Direction]] = [
    (put("accessTokenLifespan", 900), "Life of an access token: 300 seconds → 900 seconds", WEAKER),
    (put("ssoSessionMaxLifespan", 3600), "A session ends at the latest after: 36000 seconds → 3600 seconds", STRONGER),
    (put("bruteForceProtected", False), "Failures are not counted any more: guessing never ends", WEAKER),
    (put("failureFactor", 3), "Failures before a lock: 5 → 3", STRONGER),
    (put("waitIncrementSeconds", 30), "Length of the first lock: 60 seconds → 30 seconds", WEAKER),
    (put("permanentLockout", False), "No lock is permanent any more", WEAKER),
    (put("passwordPolicy", "length(12)"), "Passwords must pass length(12) instead of length(10)", STRONGER),
    (put("passwordPolicy", "length(10)"), "Passwords need not pass passwordHistory(5) any more", WEAKER),
    (put("registrationAllowed", True), "Anybody may register as a customer", WEAKER),
    (
        put("resetPasswordAllowed", True),
        "Whoever forgot a password may set a new one: a recovery path is open",
        WEAKER,
    ),
    (
        put("revokeRefreshToken", False),
        "A refresh token may be used again and again: a stolen one is not noticed",
        WEAKER,
    ),
    (put("otpPolicyDigits", 8), "Digits of a soft token's code: 6 → 8", STRONGER),
    (of_cards("redirectUris", ["/small-business/cards/callback", "/x"]), "Codes for “cards” may be sent to /x", WEAKER),
    (of_cards("publicClient", True), "“cards” no longer proves that it is “cards” (public client)", WEAKER),
    (of_cards("consentRequired", True), "Customers are asked before “cards” is told of them", STRONGER),
    (of_cards("fullScopeAllowed", True), "Tokens of “cards” carry every role of the customer", WEAKER),
    (of_cards("directAccessGrantsEnabled", True), "“cards” may use customers' passwords (password grant)", WEAKER),
    (of_cards("optionalClientScopes", ["phone"]), "“cards” no longer has the scope “offline_access”", STRONGER),
    (
        of_cards("clientAuthenticatorType", "client-jwt"),
        'How “cards” proves itself: "client-secret" → "client-jwt"',
        STRONGER,
    ),
    (attribute("pkce.code.challenge.method", None), 'PKCE that “cards” must use: "S256" → nothing', WEAKER),
    (attribute("dpop.bound.access.tokens", "true"), "Tokens of “cards” are bound to a key (DPoP)", STRONGER),
    (
        attribute("require.pushed.authorization.requests", "true"),
        "“cards” must push its requests",
        STRONGER,
    ),
    (
        attribute("id.token.signed.response.alg", "none"),
        'ID tokens of “cards” are signed with: nothing → "none"',
        WEAKER,
    ),
    (attribute("minimum.acr.value", "mfa-otp"), "Nobody gets to client cards below level 2, instead of 0", STRONGER),
    (lambda found: found["clients"].pop(), "There is no client “cards” any more", NEUTRAL),
    (
        put("attributes", {**DEMO["attributes"], "acr.loa.map": '{"pwd": 1, "mfa-otp": 1}'}),
        "The acr “mfa-otp” promises level 1 instead of level 2",
        WEAKER,
    ),
    (
        lambda found: found["attributes"].pop("hyrja.softTokenRegistrationFlow"),
        "A way was closed: the registration of a soft token (flow “soft token registration”)",
        STRONGER,
    ),
    (
        put("webAuthnPolicyUserVerificationRequirement", "discouraged"),
        'That whoever uses security keys unlocks them (user verification): "" → "discouraged"',
        WEAKER,
    ),
    (put("webAuthnPolicyExtraOrigins", ["https://x.al"]), "Security keys may be used at https://x.al, too", WEAKER),
    (
        put("scopeMappings", [{"clientScope": "phone", "roles": ["teller"]}]),
        "Tokens may carry the role “teller” where “phone” is asked for",
        WEAKER,
    ),
    (put("roles", {"realm": [{"name": "teller"}]}), "There is a role “teller”", NEUTRAL),
    (
        put("defaultRole", {"name": "d", "composites": {"realm": ["admin"]}}),
        "Every new user is given the role “admin”",
        WEAKER,
    ),
]


@pytest.mark.parametrize(("edit", "text", "direction"), SETTINGS, ids=[text for _, text, _ in SETTINGS])
def test_a_change_is_said_in_words_and_goes_one_way_and_its_undoing_the_other(
    edit: Edit, text: str, direction: Direction
) -> None:
    changed = edited(edit)
    found = sentences(compared(DEMO, changed))
    assert found.get(text) is direction, found
    back = sentences(compared(changed, DEMO))
    assert OPPOSITE[direction] in back.values(), back
    if direction is not NEUTRAL:
        assert text not in back


LOGINS: list[tuple[tuple[dict[str, Any], ...], str, Direction]] = [
    ((FORM,), "TOTP is no longer required for client cards", WEAKER),
    ((FORM, SMS), "TOTP is no longer required for client cards", WEAKER),
    ((FORM, OTP, SMS), "An SMS code is now required for client cards", STRONGER),
    (
        (FORM, SMS),
        (
            "A customer who has everything logs in to client cards with the password and an SMS code "
            "instead of the password and TOTP"
        ),
        WEAKER,
    ),
    (
        (FORM, SMS),
        "A customer without a device can log in to client cards now, with the password and an SMS code",
        WEAKER,
    ),
    ((FORM, GATE, OTP), "The login of client cards has other steps, and takes the same", NEUTRAL),
    (
        # Without the gate, a customer who has no token is let in to make one.
        (FORM, OTP),
        "A customer without a device can log in to client cards now, with the password",
        WEAKER,
    ),
]


@pytest.mark.parametrize(("lines", "text", "direction"), LOGINS, ids=[f"{d.value}: {t}" for _, t, d in LOGINS])
def test_a_login_is_told_by_what_it_takes(lines: tuple[dict[str, Any], ...], text: str, direction: Direction) -> None:
    found = compared(DEMO, edited(own_login(*lines)))
    assert sentences(found).get(text) is direction, sentences(found)
    assert {change.subject for change in found.changes if change.text == text} == {"cards"}
    assert not [change for change in found.changes if "internet-banking" in change.text]


def test_the_login_of_several_clients_is_told_once() -> None:
    def edit(found: dict[str, Any]) -> None:
        for one in found["authenticationFlows"]:
            if one["alias"] == "bank forms":
                one["authenticationExecutions"].pop()

    found = sentences(compared(DEMO, edited(edit)))
    assert found["TOTP is no longer required for clients cards and internet-banking"] is WEAKER
    assert any(text.startswith("For somebody who attacks, ") for text, d in found.items() if d is WEAKER), found


def test_a_session_that_may_answer_now_is_weaker() -> None:
    without = edited(own_login(FORM, OTP))
    for one in without["authenticationFlows"]:
        if one["alias"] == "own":
            one["authenticationExecutions"].pop(0)
    with_cookie = edited(own_login(FORM, OTP))
    assert (
        sentences(compared(without, with_cookie))["A session made elsewhere may now answer for client cards"] is WEAKER
    )
    assert (
        sentences(compared(with_cookie, without))["A session made elsewhere no longer answers for client cards"]
        is STRONGER
    )


def test_flows_that_do_not_compile_are_said_and_everything_else_is_still_compared() -> None:
    def edit(found: dict[str, Any]) -> None:
        found["browserFlow"] = "gone"
        found["accessTokenLifespan"] = 900

    found = compared(DEMO, edited(edit))
    assert "gone" in found.unproven
    assert sentences(found)["Life of an access token: 300 seconds → 900 seconds"] is WEAKER


def test_the_weaker_changes_come_first() -> None:
    def edit(found: dict[str, Any]) -> None:
        found.update(displayName="E re", accessTokenLifespan=900, failureFactor=3)

    assert [change.direction for change in compared(DEMO, edited(edit)).changes] == [WEAKER, STRONGER, NEUTRAL]


def test_the_changes_of_a_direction_are_read_topic_by_topic() -> None:
    def edit(found: dict[str, Any]) -> None:
        found.update(accessTokenLifespan=900, bruteForceProtected=False, registrationAllowed=True)

    found = compared(DEMO, edited(edit))
    assert [topic for topic, _ in found.topics(WEAKER)] == [Topic.RECOVERY, Topic.PROTECTION, Topic.SESSION]
    assert [change for _, changes in found.topics(WEAKER) for change in changes] == list(found.weaker)


# --- What is no change, and what must never be seen


@pytest.mark.parametrize(
    "edit",
    [
        lambda found: found["users"].clear(),
        lambda found: found["clients"].reverse(),
        lambda found: found["authenticationFlows"].reverse(),
        lambda found: found["clients"][1]["optionalClientScopes"].reverse(),
        put("otpPolicyCodeReusable", False),
        put("refreshTokenMaxReuse", 0),
        put("defaultGroups", []),
    ],
)
def test_what_says_the_same_is_no_change(edit: Callable[[Any], None]) -> None:
    assert compared(DEMO, edited(edit)).changes == ()


def test_what_no_rule_knows_is_told_by_its_place_and_its_values() -> None:
    (change,) = compared(DEMO, edited(put("acme/option", {"a": [1, 2]}))).changes
    assert change.text == "/acme~1option changed"
    assert (change.before, change.after, change.direction) == (None, '{"a": [1, 2]}', NEUTRAL)


def test_identifiers_are_told_in_one_line() -> None:
    def edit(found: dict[str, Any]) -> None:
        for number, client in enumerate(found["clients"]):
            client["id"] = f"id-{number}"

    (change,) = compared(DEMO, edited(edit)).changes
    assert (change.text, change.direction) == ("2 identifier(s) of entries are others (containerId, id)", NEUTRAL)


def test_no_secret_is_ever_shown() -> None:
    def edit(found: dict[str, Any]) -> None:
        found["clients"][0]["secret"] = "canary-1-and-some-length"
        found["clients"].append({"clientId": "new", "secret": "canary-2-and-some-length", "redirectUris": ["/x"]})
        found["smtpServer"] = {"host": "mail", "password": "canary-3"}
        found["acme"] = {"privateKey": "canary-4", "deep": [{"secret": "canary-5"}]}
        found["identityProviders"] = [
            {"alias": "eid", "providerId": "oidc", "enabled": False, "config": {"clientSecret": "canary-6"}}
        ]

    changed = edited(edit)
    for found in (compared(DEMO, changed), compared(changed, DEMO)):
        assert "canary" not in repr(found)
        assert "The secret of “internet-banking” is another one" in sentences(found)


NUMBERS = st.none() | st.booleans() | st.integers(-5, 5)  # the order of a list of words says nothing
JSON = st.recursive(
    NUMBERS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=1), inner, max_size=3)
)


@settings(max_examples=50)
@given(JSON, JSON)
def test_whatever_stands_under_an_unknown_key_is_compared(before: Any, after: Any) -> None:
    found = compared({**DEMO, "acme": before}, {**DEMO, "acme": after})
    assert bool(found.changes) == (json.dumps(before, sort_keys=True) != json.dumps(after, sort_keys=True))
