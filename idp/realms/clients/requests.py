"""What a client of a realm file says about its authorization requests: Keycloak's attributes → model."""

from __future__ import annotations

from typing import Literal

from idp.model.clients.assertion import PUBLIC_KEY_ALGORITHMS, SECRET_ALGORITHMS
from idp.model.clients.protection import CONTENT_ENCRYPTION, KEY_MANAGEMENT
from idp.model.clients.request_object import REQUEST_OBJECT_DEMANDS, RequestObjectAlgorithm, RequestObjectRules
from idp.model.finding import Finding
from idp.realms.representation import realm as file
from idp.realms.values import T, listed, one_of

ALGORITHM = "request.object.signature.alg"
URIS = "request.uris"
RESOURCES = "hyrja.resources"
DETAILS_TYPES = "authorization.details.types"
_ALGORITHMS: tuple[RequestObjectAlgorithm, ...] = (*PUBLIC_KEY_ALGORITHMS, *SECRET_ALGORITHMS, "none")
ANY = "any"
_ANY = frozenset({"", ANY})


def request_object_rules(client: file.Client, pointer: str, findings: list[Finding]) -> RequestObjectRules:
    """Return what is registered about a client's request objects.

    `any` means unsigned ones too, as in Keycloak: such an object says no more than plain parameters, so it is taken
    where those are, and not where an object is demanded. Keycloak reads nothing at all as `any`; here it means signed.
    """
    attributes, place = client.attributes, f"{pointer}/attributes"
    written = attributes.get(ALGORITHM, "")
    named = None if written in _ANY else one_of(written, _ALGORITHMS, f"{place}/{ALGORITHM}", findings)
    demand = attributes.get("request.object.required") or "not required"
    encryption, content = (attributes.get(f"request.object.encryption.{name}", "") for name in ("alg", "enc"))
    demanded = one_of(demand, REQUEST_OBJECT_DEMANDS, f"{place}/request.object.required", findings)
    unsigned: tuple[RequestObjectAlgorithm, ...] = ("none",) if written == ANY and demanded == "not required" else ()
    return RequestObjectRules(
        algorithms=(*PUBLIC_KEY_ALGORITHMS, *unsigned) if named is None else (named,),
        demand=demanded or "request or request_uri",
        encryption=_known(encryption, KEY_MANAGEMENT, f"{place}/request.object.encryption.alg", findings),
        content_encryption=_known(content, CONTENT_ENCRYPTION, f"{place}/request.object.encryption.enc", findings),
        uris=listed(attributes.get(URIS, "")),
    )


def resources(client: file.Client) -> tuple[str, ...]:
    """Return the names that a resource server has beside its client id (RFC 8707)."""
    return listed(client.attributes.get(RESOURCES, ""))


def details_types(client: file.Client) -> tuple[str, ...]:
    """Return the types of authorization details that the client may ask for (RFC 9396 §10)."""
    return listed(client.attributes.get(DETAILS_TYPES, ""), ",")


def _known(written: str, choices: tuple[T, ...], pointer: str, findings: list[Finding]) -> T | Literal[""]:
    """Return the one algorithm that is registered, or nothing where any will do."""
    return "" if written in _ANY else one_of(written, choices, pointer, findings) or ""
