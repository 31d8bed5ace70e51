"""Rules about logins by passkey."""

from __future__ import annotations

from collections.abc import Iterator

from idp.model.finding import Finding
from idp.model.realm import Realm
from idp.realms.topics.webauthn import SYNCED_ATTRIBUTE
from idp.realms.values import warning


def passkey_findings(realm: Realm) -> Iterator[Finding]:
    """Yield what is unwise about the passwordless policy, where the realm lets somebody in by it."""
    policy = realm.webauthn_passwordless
    steps = {line.authenticator for flow in realm.flows.values() for line in flow.executions}
    if not policy.passkeys and "webauthn-authenticator-passwordless" not in steps:
        return
    if policy.user_verification != "required":
        yield warning(
            "F-PASSKEY-UNLOCKED",
            "/webAuthnPolicyPasswordlessUserVerificationRequirement",
            "Whoever finds a key logs in with it: the passwordless policy does not require its unlocking.",
            "Write required.",
        )
    if policy.synced == "two-factors":
        yield warning(
            "F-SYNCED-PASSKEY",
            f"/attributes/{SYNCED_ATTRIBUTE}",
            "Passkeys that accounts copy between devices count as two elements.",
            "Write one-factor, or refused.",
        )
    if policy.acceptable_aaguids and policy.attestation not in {"direct", "enterprise"}:
        yield warning(
            "F-AAGUID-UNATTESTED",
            "/webAuthnPolicyPasswordlessAcceptableAaguids",
            "The models of keys are restricted, but each key says its model by itself.",
            "Write direct for webAuthnPolicyPasswordlessAttestationConveyancePreference.",
        )
    if policy.resident_key == "discouraged":
        yield warning(
            "R-WEBAUTHN",
            "/webAuthnPolicyPasswordlessRequireResidentKey",
            "A passkey is asked for before anybody is known, so that it must be found without a list.",
            "Write Yes; it is asked for in any case.",
        )
