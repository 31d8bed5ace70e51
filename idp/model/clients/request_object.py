"""What a client has registered about its authorization requests (RFC 9101, RFC 9126, OpenID Connect Core §6)."""

from __future__ import annotations

from typing import Literal, get_args

from idp.model.clients.assertion import PUBLIC_KEY_ALGORITHMS, PublicKeyAlgorithm, SecretAlgorithm
from idp.model.clients.protection import ContentEncryption, KeyManagement
from idp.model.struct import Frozen

RequestObjectAlgorithm = PublicKeyAlgorithm | SecretAlgorithm | Literal["none"]
RequestObjectDemand = Literal["not required", "request or request_uri", "request only", "request_uri only"]
REQUEST_OBJECT_DEMANDS: tuple[RequestObjectDemand, ...] = get_args(RequestObjectDemand)


class RequestObjectRules(Frozen, frozen=True, kw_only=True):
    """What the request objects of one client must be like."""

    algorithms: tuple[RequestObjectAlgorithm, ...] = PUBLIC_KEY_ALGORITHMS
    """Those accepted (`request.object.signature.alg`): every signature if none is registered; `none` if it says so."""
    demand: RequestObjectDemand = "not required"
    """Whether a request must be an object, and how it may come (`request.object.required`)."""
    encryption: KeyManagement | Literal[""] = ""
    """The only `alg` of an encrypted object (`request.object.encryption.alg`); empty: any that we have a key for."""
    content_encryption: ContentEncryption | Literal[""] = ""
    """Its only `enc` (`request.object.encryption.enc`)."""
    encrypted: bool = False
    """An object that is not encrypted is refused."""
    uris: tuple[str, ...] = ()
    """Addresses that an object may be fetched from (`request.uris`)."""
    dated: bool = False
    """`exp`, `nbf` and `aud` are required, for an hour at most (FAPI 1.0 Advanced §5.2.2, FAPI 2.0 Message Signing)."""

    @property
    def is_demanded(self) -> bool:
        """Tell whether a request without an object is refused (RFC 9101 §10.5)."""
        return self.demand != "not required"


class PushedRequest(Frozen, frozen=True, kw_only=True):
    """A request that a client has pushed (RFC 9126), kept under the digest of its reference.

    `parameters` and `resources` are those in effect, after any request object; they are checked again when the request
    is begun, which it can be until `expires_at`. A login that was begun in time may still be answered after that.
    """

    client_id: str
    parameters: dict[str, str]
    resources: tuple[str, ...] = ()
    expires_at: int
