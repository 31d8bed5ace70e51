"""Each rule about settings and clients: a file with the defect and its good twin."""

from __future__ import annotations

from typing import Any

import pytest

from idp.model.finding import Severity
from tests.realms.documents import Change, brief, demo, findings, loaded

Document = dict[str, Any]
ERROR, WARNING = Severity.ERROR, Severity.WARNING


def put(key: str, value: object) -> Change:
    return lambda document: document.update({key: value})


def put_all(**changed: object) -> Change:
    return lambda document: document.update(changed)


def client(**changed: object) -> Change:
    return lambda document: document["clients"][0].update(changed)


def redirect(*uris: str) -> Change:
    return client(redirectUris=list(uris))


def without_terms(*, enabled: bool) -> Change:
    def change(document: Document) -> None:
        document["localizationTexts"]["it"].pop("termsText")
        document["requiredActions"][1] |= {"enabled": enabled, "defaultAction": enabled}

    return change


def twice(key: str) -> Change:
    return lambda document: document[key].append(document[key][0])


def no_change(document: Document) -> None:
    del document


URI = "/clients/0/redirectUris/0"
CASES = [
    ("R-NAME", ERROR, "/realm", put("realm", "a/b"), put("realm", "a-b_C9")),
    ("R-NAME", ERROR, "/realm", put("realm", "../x"), put("realm", "x")),
    ("R-NAME", ERROR, "/realm", put("realm", "a" * 64), put("realm", "a" * 63)),
    ("R-DISABLED", WARNING, "/enabled", lambda d: d.pop("enabled"), put("enabled", value=True)),
    (
        "R-LOCALE",
        WARNING,
        "/supportedLocales/1",
        put("supportedLocales", ["sq", "de"]),
        put("supportedLocales", ["sq", "it"]),
    ),
    ("R-OTP", ERROR, "/otpPolicyType", put("otpPolicyType", "motp"), put("otpPolicyType", "hotp")),
    ("R-OTP", ERROR, "/otpPolicyDigits", put("otpPolicyDigits", 7), put("otpPolicyDigits", 8)),
    ("R-OTP", ERROR, "/otpPolicyPeriod", put("otpPolicyPeriod", 0), put("otpPolicyPeriod", 1)),
    ("R-OTP", ERROR, "/otpPolicyPeriod", put("otpPolicyPeriod", 121), put("otpPolicyPeriod", 120)),
    (
        "R-OTP-WINDOW",
        WARNING,
        "/otpPolicyLookAheadWindow",
        put_all(otpPolicyLookAheadWindow=11, otpPolicyType="hotp"),
        put_all(otpPolicyLookAheadWindow=10, otpPolicyType="hotp"),
    ),
    ("R-OTP-WINDOW", WARNING, "/otpPolicyLookAheadWindow", put("otpPolicyLookAheadWindow", 2), no_change),
    (
        "R-OTP-REUSE",
        ERROR,
        "/otpPolicyCodeReusable",
        put("otpPolicyCodeReusable", value=True),
        put("otpPolicyCodeReusable", value=False),
    ),
    ("R-TERMS", ERROR, "/localizationTexts/it/termsText", without_terms(enabled=True), without_terms(enabled=False)),
    ("R-DUPLICATE", ERROR, "/clients", twice("clients"), no_change),
    ("R-DUPLICATE", ERROR, "/authenticationFlows", twice("authenticationFlows"), no_change),
    ("R-DUPLICATE", ERROR, "/authenticatorConfig", twice("authenticatorConfig"), no_change),
    ("R-DUPLICATE", ERROR, "/requiredActions", twice("requiredActions"), no_change),
    ("B-OFF", WARNING, "/bruteForceProtected", put("bruteForceProtected", value=False), no_change),
    ("B-FACTOR", WARNING, "/failureFactor", put("failureFactor", 6), put("failureFactor", 5)),
    ("B-TEMPORARY", WARNING, "/permanentLockout", put("permanentLockout", value=False), no_change),
    ("L-CODE", WARNING, "/accessCodeLifespan", put("accessCodeLifespan", 61), put("accessCodeLifespan", 60)),
    (
        "L-ACCESS-TOKEN",
        WARNING,
        "/accessTokenLifespan",
        put("accessTokenLifespan", 901),
        put("accessTokenLifespan", 900),
    ),
    (
        "L-ACCESS-TOKEN",
        WARNING,
        "/accessTokenLifespanForImplicitFlow",
        put("accessTokenLifespanForImplicitFlow", 901),
        put("accessTokenLifespanForImplicitFlow", 900),
    ),
    ("P-LENGTH", WARNING, "/passwordPolicy", put("passwordPolicy", "digits(1)"), no_change),
    ("R-PASSWORD-POLICY", ERROR, "/passwordPolicy", put("passwordPolicy", "length(8) and lenght(9)"), no_change),
    ("R-VALUE", ERROR, "/defaultSignatureAlgorithm", put("defaultSignatureAlgorithm", "none"), no_change),
    (
        "R-VALUE",
        ERROR,
        "/otpPolicyAlgorithm",
        put("otpPolicyAlgorithm", "HmacMD5"),
        put("otpPolicyAlgorithm", "HmacSHA512"),
    ),
    ("R-VALUE", ERROR, "/bruteForceStrategy", put("bruteForceStrategy", "?"), put("bruteForceStrategy", "LINEAR")),
    (
        "R-ACR",
        ERROR,
        "/attributes/acr.loa.map",
        lambda d: d["attributes"].update({"acr.loa.map": '{"mfa": "two"}'}),
        lambda d: d["attributes"].update({"acr.loa.map": '{"mfa": "2"}'}),
    ),
    (
        "K-DAYS",
        ERROR,
        "/attributes/hyrja.keyRotationDays",
        lambda d: d["attributes"].update({"hyrja.keyRotationDays": "0"}),
        lambda d: d["attributes"].update({"hyrja.keyRotationDays": "1"}),
    ),
    (
        "K-DAYS",
        ERROR,
        "/attributes/hyrja.keyOverlapDays",
        lambda d: d["attributes"].update({"hyrja.keyOverlapDays": "3651"}),
        lambda d: d["attributes"].update({"hyrja.keyOverlapDays": "3650"}),
    ),
    (
        "K-OVERLAP",
        WARNING,
        "/attributes/hyrja.keyOverlapDays",
        lambda d: d["attributes"].update({"hyrja.keyOverlapDays": "1"}),
        lambda d: d["attributes"].update({"hyrja.keyOverlapDays": "365"}),
    ),
    (
        "C-ATTRIBUTE",
        ERROR,
        "/clients/0/attributes/access.token.lifespan",
        lambda d: d["clients"][0]["attributes"].update({"access.token.lifespan": "²"}),
        lambda d: d["clients"][0]["attributes"].update({"access.token.lifespan": "60"}),
    ),
    (
        "R-VALUE",
        ERROR,
        "/clients/0/attributes/id.token.signed.response.alg",
        lambda d: d["clients"][0]["attributes"].update({"id.token.signed.response.alg": "HS256"}),
        lambda d: d["clients"][0]["attributes"].update({"id.token.signed.response.alg": "RS256"}),
    ),
    ("C-REDIRECT", ERROR, URI, redirect("https://a.example/#x"), redirect("https://a.example/?x")),
    ("C-REDIRECT", ERROR, URI, redirect("https:///x"), redirect("https://a.example")),
    ("C-REDIRECT", ERROR, URI, redirect("*"), redirect("app.example:/x")),
    ("C-REDIRECT", ERROR, URI, redirect("http://["), redirect("http://[::1]/x")),
    ("C-REDIRECT", ERROR, URI, redirect("JavaScript:alert(1)"), redirect("app.example:/x")),
    ("C-REDIRECT", ERROR, URI, redirect("data:text/html,x"), redirect("app.example:/x")),
    ("C-REDIRECT", ERROR, "/clients/0/redirectUris", redirect(), client(redirectUris=[], standardFlowEnabled=False)),
    ("C-REDIRECT-WILDCARD", WARNING, URI, redirect("https://a.example/*"), redirect("https://a.example/x")),
    ("C-REDIRECT-HTTP", ERROR, URI, redirect("http://a.example/x"), redirect("http://127.0.0.1/x")),
    ("C-REDIRECT-HTTP", ERROR, URI, redirect("http://a.example/*"), redirect("http://localhost/x")),
    ("C-SECRET", ERROR, "/clients/0/secret", lambda d: d["clients"][0].pop("secret"), no_change),
    ("C-SECRET", ERROR, "/clients/0/secret", client(secret="**********"), client(secret="s" * 16)),
    ("C-SECRET-SHORT", WARNING, "/clients/0/secret", client(secret="s" * 15), client(secret="s" * 16)),
    ("C-ORIGIN", WARNING, "/clients/0/webOrigins", client(webOrigins=["*"]), client(webOrigins=["+"])),
    ("C-GRANT", WARNING, "/clients/0/implicitFlowEnabled", client(implicitFlowEnabled=True), no_change),
    ("C-GRANT", WARNING, "/clients/0", client(directAccessGrantsEnabled=True), no_change),
    ("C-PKCE", WARNING, "/clients/0/attributes", client(attributes={}), client(attributes={}, publicClient=True)),
]


@pytest.mark.parametrize(
    ("rule", "severity", "pointer", "defective", "good"), CASES, ids=[f"{rule} {at}" for rule, _, at, _, _ in CASES]
)
def test_a_rule_finds_its_defect_and_nothing_in_the_good_twin(
    rule: str, severity: Severity, pointer: str, defective: Change, good: Change
) -> None:
    assert (rule, severity, pointer) in brief(findings(defective))
    assert findings(good) == []


def test_protection_that_is_off_is_told_once() -> None:
    rules = [finding.rule for finding in findings(put("bruteForceProtected", value=False))]
    assert rules == ["B-OFF"]


def test_a_public_client_needs_no_secret_and_has_none() -> None:
    realm = loaded(demo(client(publicClient=True))).realm
    assert realm.clients["internet-banking"].secret is None
    assert findings(client(publicClient=True)) == []


@pytest.mark.parametrize("off", [{"enabled": False}, {"bearerOnly": True}, {"protocol": "saml"}])
def test_a_client_that_cannot_be_used_may_lack_secret_and_address(off: Document) -> None:
    def change(document: Document) -> None:
        document["clients"][0].update(off, redirectUris=[])
        document["clients"][0].pop("secret")

    assert loaded(demo(change)).realm.clients["internet-banking"].enabled is False
    assert {finding.rule for finding in findings(change)} <= {"C-PROTOCOL", "C-BEARER-ONLY"}


@pytest.mark.parametrize(
    ("off", "rule", "severity"),
    [
        ({"protocol": "saml"}, "C-PROTOCOL", Severity.WARNING),
        ({"bearerOnly": True}, "C-BEARER-ONLY", Severity.NOTE),
    ],
)
def test_a_client_that_is_kept_and_not_served_is_told_and_nothing_of_another_protocol_is_judged(
    off: Document, rule: str, severity: Severity
) -> None:
    def change(document: Document) -> None:
        document["clients"][0].update(off, redirectUris=["*", "http://x.example"], secret="x")

    found = [finding for finding in findings(change) if finding.pointer.startswith("/clients/0")]
    assert (rule, severity) in {(finding.rule, finding.severity) for finding in found}
    if rule == "C-PROTOCOL":
        assert len(found) == 1
