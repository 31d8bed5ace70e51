"""Make what an exam by the OpenID Foundation's conformance suite needs: clients, keys, certificates, configurations.

    python scripts/exam.py [--suite URL] [--alias NAME]      or: make exam

Writes `var/exam/conformance.json` (the exam's realm with the clients added) and `var/exam/suite/*.json` (one
configuration of the suite for each family of plans), once: a second call leaves what is there. Everything in that
folder is a secret of the exam and of nothing else.
"""

from __future__ import annotations

import argparse
import base64
import json
import secrets
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from joserfc.jwk import ECKey

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "var" / "exam"
BASE, MUTUAL = "https://localhost:9443", "https://localhost:9444"
SUITE = "https://localhost.emobix.co.uk:8443"
SECOND = "?dummy1=lorem&dummy2=ipsum"
"""What the second client's address ends in: the suite looks whether it comes back unchanged."""


class Holder:
    """One client's keys: a signing key and a TLS certificate."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.key = ECKey.generate_key("P-256", {"kid": name, "use": "sig", "alg": "ES256"})
        private = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self._certificate = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject)
            .public_key(private.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(datetime(2026, 1, 1, tzinfo=UTC))
            .not_valid_after(datetime(2036, 1, 1, tzinfo=UTC))
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
            .sign(private, hashes.SHA256())
        )
        self.certificate = self._certificate.public_bytes(Encoding.PEM).decode()
        self.certificate_key = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()

    def public(self) -> str:
        """The JWK set that is registered: the signing key, and the certificate for `self_signed_tls_client_auth`."""
        numbers = self._certificate.public_key()
        assert isinstance(numbers, ec.EllipticCurvePublicKey)
        tls = ECKey.import_key(numbers).as_dict(private=False)
        der = base64.b64encode(self._certificate.public_bytes(Encoding.DER)).decode()
        return json.dumps({"keys": [self.key.as_dict(private=False), {**tls, "kid": f"{self.name}-tls", "x5c": [der]}]})

    def private(self) -> dict[str, Any]:
        """The JWK set that the suite signs with."""
        return {"keys": [self.key.as_dict(private=True)]}


class Exam:
    """The realm and the suite's configurations, being written."""

    def __init__(self, *, suite: str, alias: str, base: str = BASE, mutual: str = MUTUAL) -> None:
        self._base, self._mutual = base, mutual
        self._issuer = f"{base}/realms/conformance"
        self._callback = f"{suite}/test/a/{alias}/callback"
        self._suite = suite
        self._alias = alias
        self.clients: list[dict[str, Any]] = []
        self.configurations: dict[str, dict[str, Any]] = {}

    def everything(self) -> None:
        """Write all of it."""
        self.openid()
        self.dynamic()
        for family, (senders, attributes) in FAMILIES.items():
            for sender in senders:
                for authentication in ("private_key_jwt", "mtls"):
                    self.fapi(family, authentication=authentication, sender=sender, attributes=attributes)

    def openid(self) -> None:
        """Clients with secrets, for the plans of OpenID Connect Core and logout with `static_client`.

        A module fails by what it did not expect: so those told of a logout are clients of their own, by channel.
        """
        for name in ("openid", *_CHANNELS):
            first, second, post = (
                self._with_secret(f"{name}-{end}", _CHANNELS.get(name)) for end in ("1", "2", "post")
            )
            self._configured(name, client=first, client2=second, client_secret_post=post)

    def dynamic(self) -> None:
        """Nothing but the address, for the plans with `dynamic_client`."""
        self._configured("dynamic", client={"client_name": "Exam"}, client2={"client_name": "Exam 2"})

    def fapi(self, family: str, *, authentication: str, sender: str, attributes: dict[str, str]) -> None:
        """Two clients with keys and certificates of their own, under the policies that the realm has for the family.

        For FAPI 2.0 a second configuration of the same clients is without OpenID Connect (`plain_oauth`, and the plan
        of the client credentials grant): their scope must not have `openid`.
        """
        name = f"{family}-{authentication}-{sender}".replace("_", "-")
        holders = [Holder(f"{name}-{number}") for number in (1, 2)]
        for number, holder in enumerate(holders):
            self.clients.append(self._by_key(holder, authentication, sender, attributes, second=number == 1))
        tls = [{"cert": holder.certificate, "key": holder.certificate_key} for holder in holders]
        scopes = {name: "openid accounts"}
        if family.startswith("fapi2"):
            scopes[f"{name}-oauth"] = "accounts"
        for configuration, scope in scopes.items():
            given = [
                {
                    "client_id": holder.name,
                    "scope": scope,
                    "jwks": holder.private(),
                    "hint_type": "login_hint",
                    "hint_value": "alice",
                    "acr_value": "1",
                }
                for holder in holders
            ]
            self._configured(configuration, client=given[0], client2=given[1], mtls=tls[0], mtls2=tls[1])

    def _with_secret(self, name: str, channel: str | None) -> dict[str, Any]:
        secret, here = secrets.token_urlsafe(48), self._callback.removesuffix("/callback")
        attributes = {
            "post.logout.redirect.uris": f"{here}/post_logout_redirect",
            "request.object.signature.alg": "none",
        }
        if channel is not None:
            attributes[f"{channel}.logout.url"] = f"{here}/{channel}_logout"
            attributes[f"{channel}.logout.session.required"] = "true"
        self.clients.append(
            {
                "clientId": name,
                "enabled": True,
                "secret": secret,
                "redirectUris": [self._callback],
                "standardFlowEnabled": True,
                "implicitFlowEnabled": True,
                **_SCOPES,
                "attributes": attributes,
                "frontchannelLogout": channel == "frontchannel",
            }
        )
        return {"client_id": name, "client_secret": secret}

    def _by_key(
        self, holder: Holder, authentication: str, sender: str, attributes: dict[str, str], *, second: bool
    ) -> dict[str, Any]:
        by_certificate, here = authentication == "mtls", self._callback.removesuffix("/callback")
        return {
            "clientId": holder.name,
            "enabled": True,
            "clientAuthenticatorType": "client-x509" if by_certificate else "client-jwt",
            "redirectUris": [self._callback + (SECOND if second else "")],
            "standardFlowEnabled": True,
            # A detached signature comes in the answer itself; what the realm's policies can set is not said here.
            "implicitFlowEnabled": attributes["fapi.profile"] == "fapi-1-advanced",
            "serviceAccountsEnabled": attributes["fapi.profile"].startswith("fapi-2"),
            **_SCOPES,
            "attributes": {
                "use.jwks.string": "true",
                "jwks.string": holder.public(),
                "token.endpoint.auth.signing.alg": "ES256",
                "id.token.signed.response.alg": "ES256",
                "access.token.signed.response.alg": "ES256",
                "request.object.signature.alg": "ES256",
                "authorization.signed.response.alg": "ES256",
                "authorization.details.types": "account_information",
                "dpop.bound.access.tokens": str(sender == "dpop").lower(),
                "tls.client.certificate.bound.access.tokens": str(sender == "mtls").lower(),
                **({"x509.self.signed": "true"} if by_certificate else {}),
                **{key: value.replace("{suite}", here) for key, value in attributes.items()},
            },
        }

    def _configured(self, name: str, **more: Any) -> None:
        self.configurations[name] = {
            "alias": self._alias,
            "description": f"Hyrja, {name}",
            "server": {"discoveryUrl": f"{self._issuer}/.well-known/openid-configuration"},
            "resource": {
                "resourceUrl": f"{self._mutual if 'mtls' in name else self._base}/accounts-api/accounts",
                "richAuthorizationRequest": [{"type": "account_information", "actions": ["list_accounts"]}],
            },
            "automated_ciba_approval_url": f"{self._issuer}/dev/ciba?auth_req_id={{auth_req_id}}&action={{action}}",
            "browser": self._browser(),
            "override": self._overrides(),
            **more,
        }

    def _browser(self) -> list[dict[str, Any]]:
        """What the suite's own browser does on our pages."""
        return [self._login(), self._logout([]), self._compared()]

    def _compared(self) -> dict[str, Any]:
        """Stay until the suite's page of frames has heard whether the session is the same (Session Management)."""
        compared = {"match": f"{self._suite}/test/*", "commands": [["wait", "contains", "session_result", 10]]}
        return {"match": f"{self._suite}/test/*session_verify", "tasks": [{"task": "Compare", **compared}]}

    def _login(self, *look: list[Any]) -> dict[str, Any]:
        """Log in and agree, wherever that is asked; `look` comes before the name and the password."""
        page = f"{self._issuer}/login-actions/authenticate*"
        login = [
            *look,
            ["text", "id", "username", "alice", "optional"],
            ["text", "id", "password", "alice-of-the-exam", "optional"],
            ["click", "id", "kc-login", "optional"],
        ]
        agree = [["click", "id", "consent-allow", "optional"]]
        done = {
            "task": "Back at the suite",
            "match": f"{self._suite}/test/*",
            "commands": [["wait", "id", "submission_complete", 10]],
        }
        return {
            "match": f"{self._issuer}/protocol/openid-connect/auth*",
            "tasks": [
                {"task": "Log in", "optional": True, "match": page, "commands": login},
                {"task": "Consent", "optional": True, "match": page, "commands": agree},
                done,
            ],
        }

    def _logout(self, look: list[Any]) -> dict[str, Any]:
        """Log out, and confirm it where that is asked; then back at the suite, or a `look` at the page of ours."""
        match = f"{self._issuer}/protocol/openid-connect/logout*"
        confirm = [["click", "id", "kc-logout", "optional"]]
        end = {"match": match, "commands": [look]} if look else {"match": f"{self._suite}/test/*"}
        tasks = [
            {"task": "Confirm", "optional": True, "match": match, "commands": confirm},
            {"task": "The end", **end},
        ]
        return {"match": match, "tasks": tasks}

    def _overrides(self) -> dict[str, Any]:
        """Modules that are judged by a page: what it must show, and the picture that the suite keeps of it."""
        bad_address = {
            "match": f"{self._issuer}/protocol/openid-connect/auth*",
            "tasks": [self._look_at_the_error("redirect_uri")],
        }
        # Of several logins of a module only the one that is judged has a place for a picture.
        judged_login = ["wait", "id", "kc-login", 10, ".*", "update-image-placeholder-optional"]
        bad_reference = {**bad_address, "tasks": [self._look_at_the_error("request_uri")]}
        first, seen, declined = self._login(), self._login(), self._login()
        seen["tasks"] = [{"task": "See the login page", "commands": [["wait", "id", "kc-login", 10]]}]
        declined["tasks"][0]["commands"] = [["click", "id", "login-cancel"]]
        once = {"match-limit": 1}
        refused, logged_out = (self._logout(_pictured(element, "")) for element in ("error-message", "info-message"))
        overrides: dict[str, Any] = {name: {"browser": [bad_address]} for name in _BAD_ADDRESSES}
        overrides |= {name: {"browser": [self._login(judged_login)]} for name in _JUDGED_LOGINS}
        overrides |= {name: {"browser": [bad_reference]} for name in _BAD_REFERENCES}
        overrides |= {name: {"browser": [{**first, **once}, bad_reference]} for name in _REUSED_REFERENCES}
        overrides |= {name: {"browser": [{**seen, **once}, self._login()]} for name in _LOADED_TWICE}
        overrides |= {name: {"browser": [declined]} for name in _DECLINED}
        overrides |= {name: {"browser": [self._login(), refused]} for name in _BAD_LOGOUTS}
        return overrides | {name: {"browser": [self._login(), logged_out]} for name in _LOGGED_OUT}

    def _look_at_the_error(self, words: str) -> dict[str, Any]:
        return {"task": "Look", "match": f"{self._issuer}/*", "commands": [_pictured("error-message", words)]}


def _pictured(element: str, words: str) -> list[Any]:
    """Return the command that waits for an element with these words and keeps a picture of the page."""
    return ["wait", "id", element, 10, f".*{words}.*", "update-image-placeholder"]


_CHANNELS = {"openid-backchannel": "backchannel", "openid-frontchannel": "frontchannel"}
# Nothing of the person without being asked for: the suite looks for claims that it did not request.
_SCOPES = {
    "defaultClientScopes": ["accounts"],
    "optionalClientScopes": ["profile", "email", "address", "phone", "offline_access", "payments"],
}
_BAD_ADDRESSES = (
    "oidcc-ensure-registered-redirect-uri",
    "oidcc-ensure-redirect-uri-in-authorization-request",
    "oidcc-redirect-uri-query-mismatch",
    "oidcc-redirect-uri-query-added",
    "fapi1-advanced-final-ensure-registered-redirect-uri",
    "fapi1-advanced-final-ensure-request-object-without-redirect-uri-fails",
)
_BAD_REFERENCES = tuple(
    f"{plan}-par-attempt-to-use-{what}"
    for plan in ("fapi1-advanced-final", "fapi2-security-profile-final")
    for what in ("expired-request_uri", "request_uri-for-different-client")
)
_REUSED_REFERENCES = (
    "fapi1-advanced-final-par-attempt-reuse-request_uri",
    "fapi2-security-profile-final-par-attempt-reuse-request_uri",
)
_LOADED_TWICE = ("fapi2-security-profile-final-par-ensure-reused-request-uri-prior-to-auth-completion-succeeds",)
_DECLINED = (
    "fapi1-advanced-final-user-rejects-authentication",
    "fapi2-security-profile-final-user-rejects-authentication",
)
_JUDGED_LOGINS = (
    "oidcc-prompt-login",
    "oidcc-max-age-1",
    "oidcc-registration-logo-uri",
    "oidcc-registration-policy-uri",
    "oidcc-registration-tos-uri",
)
_BAD_LOGOUTS = (
    "oidcc-rp-initiated-logout-no-id-token-hint",
    "oidcc-rp-initiated-logout-bad-post-logout-redirect-uri",
    "oidcc-rp-initiated-logout-modified-id-token-hint",
    "oidcc-rp-initiated-logout-bad-id-token-hint",
    "oidcc-rp-initiated-logout-query-added-to-post-logout-redirect-uri",
)
_LOGGED_OUT = (
    "oidcc-rp-initiated-logout-no-params",
    "oidcc-rp-initiated-logout-only-state",
    "oidcc-rp-initiated-logout-no-post-logout-redirect-uri",
)

_SIGNED_BACKCHANNEL = {"ciba.backchannel.auth.request.signing.alg": "ES256"}
# The suite's assertions of the older profiles name an endpoint; those of FAPI 2.0 the issuer alone (RFC 10070).
_OLD_AUDIENCE = {"hyrja.assertion.audience": "endpoint"}
_CIBA = {"fapi.profile": "fapi-ciba", "oidc.ciba.grant.enabled": "true", **_SIGNED_BACKCHANNEL, **_OLD_AUDIENCE}
FAMILIES: dict[str, tuple[tuple[str, ...], dict[str, str]]] = {
    "fapi1": (("mtls",), {"fapi.profile": "fapi-1-advanced", **_OLD_AUDIENCE}),
    "fapi2": (("dpop", "mtls"), {"fapi.profile": "fapi-2-security-profile"}),
    "fapi2-signing": (("dpop", "mtls"), {"fapi.profile": "fapi-2-message-signing"}),
    "ciba": (("mtls",), _CIBA),
    "ciba-ping": (
        ("mtls",),
        {
            **_CIBA,
            "ciba.backchannel.token.delivery.mode": "ping",
            "ciba.backchannel.client.notification.endpoint": "{suite}/ciba-notification-endpoint",
        },
    ),
}
"""For each family: how its tokens are bound, and the attributes by which the realm's policies know its clients.

`{suite}` is where the suite is reached under its alias."""


def main() -> int:
    """Write what is missing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--suite", default=SUITE, metavar="URL", help="where the suite runs")
    parser.add_argument("--alias", default="hyrja", metavar="NAME", help="the alias in its configurations")
    chosen = parser.parse_args()
    realm_file = FOLDER / "conformance.json"
    if realm_file.exists():
        return 0
    exam = Exam(suite=chosen.suite.rstrip("/"), alias=chosen.alias)
    exam.everything()
    realm = json.loads((ROOT / "realms" / "conformance.json").read_text(encoding="utf-8"))
    realm["clients"] += exam.clients
    (FOLDER / "suite").mkdir(parents=True, exist_ok=True, mode=0o700)
    for name, configuration in exam.configurations.items():
        path = FOLDER / "suite" / f"{name}.json"
        path.write_text(json.dumps(configuration, indent=2) + "\n", encoding="utf-8")
    realm_file.write_text(json.dumps(realm, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"{realm_file}: {len(exam.clients)} clients; {FOLDER / 'suite'}: {len(exam.configurations)} configurations")
    return 0


if __name__ == "__main__":
    sys.exit(main())
