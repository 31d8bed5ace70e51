"""A security key of software (WebAuthn Level 3 §6): makes keys and signs, with every flag at its test's command."""

from __future__ import annotations

import hashlib
import json
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

USER_PRESENT, USER_VERIFIED, BACKUP_ELIGIBLE, BACKED_UP, ATTESTED_DATA = 0x01, 0x04, 0x08, 0x10, 0x40


def text(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def data_of(written: str) -> bytes:
    return urlsafe_b64decode(written + "=" * (-len(written) % 4))


class SoftwareKey:
    """One key of one authenticator. `counter` grows at each use, unless it is a passkey that counts nothing."""

    def __init__(
        self,
        *,
        origin: str = "http://localhost:8080",
        verified: bool = True,
        synced: bool = False,
        counts: bool = True,
        aaguid: bytes = bytes(16),
    ) -> None:
        self.origin = origin
        self.verified = verified
        self.synced = synced
        self.counts = counts
        self.aaguid = aaguid
        self.counter = 0
        self.key_id = secrets.token_bytes(32)
        self.user_handle = b""
        self._private = ec.generate_private_key(ec.SECP256R1())

    def create(self, creation: str, **changed: Any) -> dict[str, str]:
        """Answer `navigator.credentials.create`, in the fields of the page's form."""
        options = json.loads(creation)
        self.user_handle = data_of(options["user"]["id"])
        attested = self.aaguid + len(self.key_id).to_bytes(2, "big") + self.key_id + self._public_key()
        rp_id = changed.get("rp_id", options["rp"]["id"])
        authenticator_data = self._data(rp_id, ATTESTED_DATA) + attested
        attestation = {"fmt": "none", "attStmt": {}, "authData": authenticator_data}
        return {
            "clientDataJSON": text(self._client_data("webauthn.create", options["challenge"], changed)),
            "attestationObject": text(cbor2.dumps(attestation)),
            "publicKeyCredentialId": text(self.key_id),
            "transports": "usb,internal",
        }

    def get(self, request: str, **changed: Any) -> dict[str, str]:
        """Answer `navigator.credentials.get`, in the fields of the page's form."""
        options = json.loads(request)
        authenticator_data = self._data(changed.get("rp_id", options["rpId"]), 0)
        client_data = self._client_data("webauthn.get", options["challenge"], changed)
        signed = authenticator_data + hashlib.sha256(client_data).digest()
        return {
            "clientDataJSON": text(client_data),
            "authenticatorData": text(authenticator_data),
            "signature": text(self._private.sign(signed, ec.ECDSA(SHA256()))),
            "credentialId": text(self.key_id),
            "userHandle": text(self.user_handle),
        }

    def _data(self, rp_id: str, flags: int) -> bytes:
        flags |= USER_PRESENT | (USER_VERIFIED if self.verified else 0)
        flags |= BACKUP_ELIGIBLE | BACKED_UP if self.synced else 0
        self.counter += 1 if self.counts else 0
        return hashlib.sha256(rp_id.encode()).digest() + bytes([flags]) + self.counter.to_bytes(4, "big")

    def _client_data(self, kind: str, challenge: str, changed: dict[str, Any]) -> bytes:
        data = {
            "type": changed.get("kind", kind),
            "challenge": changed.get("challenge", challenge),
            "origin": changed.get("origin", self.origin),
            "crossOrigin": changed.get("cross_origin", False),
        }
        return json.dumps(data).encode()

    def _public_key(self) -> bytes:
        numbers = self._private.public_key().public_numbers()
        return cbor2.dumps({1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")})
