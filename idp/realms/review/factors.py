"""Rules about the factors that a login asks for. What a flow lets an attacker reach is the prover's question."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from idp.model.finding import Finding
from idp.model.flow import Flow
from idp.model.flow_kind import FlowKind
from idp.model.realm import Realm
from idp.realms.review.steps import enabled_steps
from idp.realms.values import warning

PROVES: Mapping[str, str] = MappingProxyType(
    {
        "auth-username-password-form": "password",
        "auth-password-form": "password",
        "idp-username-password-form": "password",
        "identity-provider-redirector": "federated",
        "auth-otp-form": "otp",
        "direct-grant-validate-password": "password",
        "direct-grant-validate-otp": "otp",
        "auth-recovery-authn-code-form": "recovery-authn-codes",
        "sms-otp": "sms-otp",
        "webauthn-authenticator": "webauthn",
        "webauthn-authenticator-passwordless": "webauthn-passwordless",
        "reset-credential-sms": "sms-otp",
        "email-otp": "email",
        "reset-credential-email": "email",
    }
)
"""Step → the factor that it proves, as the steps' contracts say (a test compares)."""

_PASSWORD = frozenset(step for step, factor in PROVES.items() if factor == "password")
_EMAIL = "email"
_NO_ELEMENT = frozenset(step for step, factor in PROVES.items() if factor == _EMAIL)
_ELSEWHERE = frozenset(step for step, factor in PROVES.items() if factor == "federated")
_SECOND = PROVES.keys() - _PASSWORD - _NO_ELEMENT - _ELSEWHERE  # who comes from elsewhere gives no password here
_SMS = "sms-otp"


def factor_findings(realm: Realm) -> Iterator[Finding]:
    """Yield what is unwise about each flow by which people log in."""
    logins = [kind.value for kind in FlowKind if kind.ends_in_session]
    bound = (realm.bindings, *(client.flow_bindings for client in realm.clients.values()))
    for alias in dict.fromkeys(bindings.get(kind) for kind in logins for bindings in bound):
        if alias is not None and alias in realm.flows:
            yield from _flow_findings(realm, realm.flows[alias])


def _flow_findings(realm: Realm, flow: Flow) -> Iterator[Finding]:
    steps = enabled_steps(realm, flow.alias)
    if not steps & _PASSWORD:
        return
    place = flow.pointer or "/browserFlow"
    second = steps & _SECOND
    if not second:
        problem = f"The flow “{flow.alias}” asks for a password and for nothing else."
        yield warning("F-ONE-FACTOR", place, problem, "Add a REQUIRED auth-otp-form behind the password.")
    elif not enabled_steps(realm, flow.alias, optional=False) & _SECOND:
        problem = f"In the flow “{flow.alias}” whoever has enrolled no second factor logs in with a password alone."
        yield warning("F-OPTIONAL-FACTOR", place, problem, "Make the second factor REQUIRED outside of the condition.")
    elif steps & _NO_ELEMENT:
        problem = f"In the flow “{flow.alias}” a code by e-mail stands beside a password: both are something known."
        yield warning("F-EMAIL-FACTOR", place, problem, "Ask for auth-otp-form or a passkey instead of email-otp.")
    elif second == {_SMS}:
        problem = f"The only second factor of the flow “{flow.alias}” is a code by SMS."
        yield warning("F-SMS-ONLY", place, problem, "Offer auth-otp-form, and let people enrol a soft token.")
