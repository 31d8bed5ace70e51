"""Clients of certificates and bound tokens in realm files: what is read, and each way to get it wrong."""

from __future__ import annotations

from typing import Any

import pytest

from idp.model.client import Client
from idp.model.clients.sender import CertificateRules, SenderRules
from idp.model.finding import Severity
from tests.certificates import issued
from tests.realms.documents import Change, brief, demo, findings, loaded

ERROR, WARNING = Severity.ERROR, Severity.WARNING
AT = "/clients/0/attributes"
SUBJECT, PATTERN = "x509.subjectdn", "x509.allow.regex.pattern.comparison"
NAMED = {SUBJECT: "CN=robot,O=Bank"}
PEM = issued().pem


def client(attributes: dict[str, Any], kind: str = "client-x509") -> Change:
    def change(document: dict[str, Any]) -> None:
        found = document["clients"][0]
        found["clientAuthenticatorType"] = kind
        found["attributes"] = {"pkce.code.challenge.method": "S256", **attributes}

    return change


def read(attributes: dict[str, Any], kind: str = "client-x509") -> Client:
    return loaded(demo(client(attributes, kind))).realm.clients["internet-banking"]


@pytest.mark.parametrize(
    ("attributes", "rules"),
    [
        (NAMED, CertificateRules(subject_dn="CN=robot,O=Bank")),
        ({**NAMED, PATTERN: "false"}, CertificateRules(subject_dn="CN=robot,O=Bank")),
        ({**NAMED, PATTERN: "true"}, CertificateRules(subject_pattern="CN=robot,O=Bank")),
        ({"tls.client.auth.san.dns": "a.al"}, CertificateRules(san_dns="a.al")),
        ({"tls.client.auth.san.uri": "urn:a"}, CertificateRules(san_uri="urn:a")),
        ({"tls.client.auth.san.ip": "10.0.0.1"}, CertificateRules(san_ip="10.0.0.1")),
        ({"tls.client.auth.san.email": "a@b.al"}, CertificateRules(san_email="a@b.al")),
        ({**NAMED, "x509.self.signed": "true"}, CertificateRules(self_signed=True)),
    ],
)
def test_a_client_is_known_by_what_the_file_says(attributes: dict[str, str], rules: CertificateRules) -> None:
    found = read(attributes)
    assert (found.authentication, found.certificate, found.secret) == ("client-x509", rules, None)


def test_a_client_of_another_method_has_no_certificate() -> None:
    assert read(NAMED, "client-secret").certificate == CertificateRules()


@pytest.mark.parametrize(
    ("attribute", "rules"),
    [
        ("dpop.bound.access.tokens", SenderRules(dpop_bound=True)),
        ("hyrja.dpop.nonce", SenderRules(dpop_nonce=True)),
        ("tls.client.certificate.bound.access.tokens", SenderRules(certificate_bound=True)),
    ],
)
def test_a_switch_of_bound_tokens_is_off_unless_it_is_true(attribute: str, rules: SenderRules) -> None:
    assert read({attribute: "true"}, "client-secret").sender == rules
    assert read({attribute: "false"}, "client-secret").sender == SenderRules()


@pytest.mark.parametrize(
    ("of_realm", "of_client", "required"),
    [("true", None, True), ("true", "false", False), ("false", "true", True), (None, None, False)],
)
def test_nonces_are_for_a_client_or_for_all_that_say_nothing(
    of_realm: str | None, of_client: str | None, *, required: bool
) -> None:
    def change(document: dict[str, Any]) -> None:
        client({} if of_client is None else {"hyrja.dpop.nonce": of_client}, "client-secret")(document)
        document["attributes"] |= {} if of_realm is None else {"hyrja.dpop.nonce": of_realm}

    found = loaded(demo(change)).realm.clients["internet-banking"]
    assert found.sender.dpop_nonce is required


CASES = [
    ("C-X509-NAME", ERROR, AT, {}),
    ("C-X509-NAME", ERROR, AT, {**NAMED, "tls.client.auth.san.dns": "a.al"}),
    ("C-X509-NAME", ERROR, f"{AT}/{SUBJECT}", {SUBJECT: "robot"}),
    ("C-X509-NAME", ERROR, f"{AT}/{SUBJECT}", {SUBJECT: "(", PATTERN: "true"}),
    ("C-X509-NAME", ERROR, f"{AT}/tls.client.auth.san.ip", {"tls.client.auth.san.ip": "10.0.0"}),
    ("C-X509-ANYBODY", ERROR, f"{AT}/{SUBJECT}", {SUBJECT: "(.*?)(?:$)", PATTERN: "true"}),
    ("C-X509-PATTERN", WARNING, f"{AT}/{SUBJECT}", {SUBJECT: "CN=robot-[0-9],O=Bank", PATTERN: "true"}),
    ("C-X509-KEY", ERROR, AT, {"x509.self.signed": "true"}),
    ("C-X509-KEY", ERROR, AT, {"x509.self.signed": "true", "jwt.credential.certificate": "MIIx"}),
    ("C-X509-KEY", ERROR, AT, {"x509.self.signed": "true", "use.jwks.string": "true", "jwks.string": "{}"}),
]


@pytest.mark.parametrize(
    ("rule", "severity", "pointer", "attributes"), CASES, ids=[f"{n} {case[0]}" for n, case in enumerate(CASES)]
)
def test_a_rule_finds_its_defect(rule: str, severity: Severity, pointer: str, attributes: dict[str, str]) -> None:
    assert (rule, severity, pointer) in brief(findings(client(attributes)))


@pytest.mark.parametrize(
    "attributes",
    [
        NAMED,
        {"tls.client.auth.san.ip": "2001:db8::1"},
        {"x509.self.signed": "true", "jwt.credential.certificate": PEM},
        {"x509.self.signed": "true", "use.jwks.url": "true", "jwks.url": "https://app.bank.example/jwks"},
    ],
)
def test_a_good_client_has_no_finding(attributes: dict[str, str]) -> None:
    assert findings(client(attributes)) == []
