"""Users of the store as a realm file carries them: Keycloak's representation, credentials opened only on demand."""

from __future__ import annotations

import base64
import json
from typing import Any

from idp.crypto.base64url import base64url
from idp.flows.credentials.sealed import password_purpose, recovery_code_purpose, seed_purpose
from idp.model.credentials.recovery_codes import RecoveryCodes
from idp.model.credentials.webauthn import WebAuthnCredential
from idp.model.user import OtpCredential, PasswordCredential, User
from idp.ports import Sealer
from idp.realms.exchange.secret_places import MASK
from idp.realms.users.seeded_keys import OWN_HASH, RECOVERY_CODES


class UserFiles:
    """Writes the users of one realm."""

    def __init__(self, *, realm: str, sealer: Sealer, with_secrets: bool) -> None:
        """Without secrets a credential is named and described, and cannot be verified by who has the file."""
        self._realm = realm
        self._sealer = sealer
        self._with_secrets = with_secrets

    def written(self, user: User) -> dict[str, Any]:
        """Return the user's representation."""
        account = {"serviceAccountClientId": user.service_account_of} if user.service_account_of else {}
        return account | {
            "id": user.id,
            "createdTimestamp": user.created_at * 1000,
            "username": user.username,
            "email": user.email,
            "emailVerified": user.email_verified,
            "firstName": user.first_name,
            "lastName": user.last_name,
            "enabled": user.enabled,
            "attributes": {name: list(values) for name, values in user.attributes.items()},
            "requiredActions": list(user.required_actions),
            "realmRoles": list(user.realm_roles),
            "clientRoles": {client: list(roles) for client, roles in user.client_roles.items()},
            "groups": list(user.groups),
            "federatedIdentities": [
                {"identityProvider": one.alias, "userId": one.subject, "userName": one.username}
                for one in user.identities
            ],
            "credentials": [
                written for credential in user.credentials if (written := self._credential(user, credential))
            ],
        }

    def _credential(self, user: User, credential: object) -> dict[str, Any] | None:
        match credential:
            case PasswordCredential(awaiting_delivery=False):
                return self._password(user, credential)
            case OtpCredential():
                return self._token(user, credential)
            case WebAuthnCredential():
                return _security_key(credential)
            case RecoveryCodes():
                return self._recovery_codes(user, credential)
            case _:
                return None

    def _password(self, user: User, credential: PasswordCredential) -> dict[str, Any]:
        hashed = json.loads(self._sealer.unseal(credential.sealed, purpose=password_purpose(self._realm, user.id)))
        secret = {"value": hashed["value"], "salt": hashed["salt"], "additionalParameters": {}}
        described = {key: hashed[key] for key in ("algorithm", "hashIterations", "additionalParameters")}
        return self._written("password", credential, secret, described) | {"temporary": credential.temporary}

    def _token(self, user: User, credential: OtpCredential) -> dict[str, Any]:
        purpose = seed_purpose(self._realm, user.id, credential.id)
        seed = base64.b32encode(self._sealer.unseal(credential.sealed, purpose=purpose)).decode().rstrip("=")
        described = {
            "subType": credential.kind,
            "digits": credential.digits,
            "counter": credential.counter,
            "period": credential.period,
            "algorithm": credential.algorithm,
            "secretEncoding": "BASE32",
        }
        return self._written("otp", credential, {"value": seed}, described) | {"userLabel": credential.label}

    def _recovery_codes(self, user: User, credential: RecoveryCodes) -> dict[str, Any]:
        """Keycloak reads its own hashes again (SHA-512); slow ones are read by this provider alone."""
        own = credential.hashed_with == "password"
        purpose = recovery_code_purpose(self._realm, user.id, credential.id)
        codes = []
        for code in credential.codes:
            hashed = self._sealer.unseal(code.sealed, purpose=purpose)
            value = base64.b64encode(hashed).decode() if own else hashed.decode()
            codes.append({"number": code.number, "encodedHashedValue": value})
        described = {
            "hashIterations": 1,
            "algorithm": OWN_HASH if own else "RS512",
            "totalCodes": credential.total,
            "remainingCodes": len(codes),
        }
        return self._written(RECOVERY_CODES, credential, {"codes": codes}, described)

    def _written(
        self,
        kind: str,
        credential: PasswordCredential | OtpCredential | RecoveryCodes,
        secret: dict[str, Any],
        described: dict[str, Any],
    ) -> dict[str, Any]:
        return {
            "id": credential.id,
            "type": kind,
            "createdDate": credential.created_at * 1000,
            "secretData": json.dumps(secret if self._with_secrets else {"value": MASK}),
            "credentialData": json.dumps(described),
        }


def _security_key(credential: WebAuthnCredential) -> dict[str, Any]:
    """Return a security key or passkey, of which nothing is secret."""
    described = {
        "aaguid": credential.aaguid,
        "credentialId": base64.b64encode(credential.key_id).decode(),
        "counter": credential.counter,
        "credentialPublicKey": base64url(credential.public_key),
        "attestationStatementFormat": credential.attestation_format,
        "transports": list(credential.transports),
    }
    return {
        "id": credential.id,
        "type": "webauthn-passwordless" if credential.passwordless else "webauthn",
        "userLabel": credential.label,
        "createdDate": credential.created_at * 1000,
        "secretData": "{}",
        "credentialData": json.dumps(described),
    }
