"""How an answer to a client is protected: who signs, and whether only the client can read it (RFC 7516, RFC 7518)."""

from __future__ import annotations

from typing import Literal, get_args

from idp.model.clients.assertion import PublicKeyAlgorithm
from idp.model.struct import Frozen

KeyManagement = Literal["RSA-OAEP", "RSA-OAEP-256", "ECDH-ES", "ECDH-ES+A128KW", "ECDH-ES+A256KW"]
"""How the key of a content travels (`alg`, RFC 7518 §4.1). RSA1_5 is not among them and never will be: its padding
tells an attacker about the plaintext (RFC 8725 §3.2)."""
ContentEncryption = Literal["A128CBC-HS256", "A256CBC-HS512", "A128GCM", "A256GCM"]
"""How the content itself is encrypted (`enc`, RFC 7518 §5.1)."""

KEY_MANAGEMENT: tuple[KeyManagement, ...] = get_args(KeyManagement)
CONTENT_ENCRYPTION: tuple[ContentEncryption, ...] = get_args(ContentEncryption)


class Protection(Frozen, frozen=True, kw_only=True):
    """What a client has registered for one kind of answer.

    `signed` is None where it has registered no algorithm: what that means (the realm's own, or plain JSON) depends on
    the kind. `encrypted` is None for an answer that is not encrypted.
    """

    signed: PublicKeyAlgorithm | Literal["none"] | None = None
    encrypted: KeyManagement | None = None
    encoding: ContentEncryption = "A128CBC-HS256"  # the default of every registration (e.g. OpenID Registration §2)

    def __bool__(self) -> bool:
        """Tell whether anything at all is registered."""
        return self.signed is not None or self.encrypted is not None


PLAIN = Protection()
