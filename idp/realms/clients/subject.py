"""Whether a client of a realm file has subjects of its own: Keycloak's pairwise mapper → model (Core §8.1)."""

from __future__ import annotations

from urllib.parse import urlsplit

from idp.model.clients.pairwise import Pairwise
from idp.model.finding import Finding
from idp.model.secret import Secret
from idp.realms.representation import realm as file
from idp.realms.values import error

PAIRWISE_MAPPER = "oidc-sha256-pairwise-sub-mapper"
SECTOR = "sectorIdentifierUri"
SALT = "pairwiseSubAlgorithmSalt"


def pairwise_of(client: file.Client, pointer: str, findings: list[Finding]) -> Pairwise | None:
    """Return what the client's subjects are made of; None for those that every client sees alike."""
    found = [
        (n, mapper) for n, mapper in enumerate(client.protocol_mappers) if mapper.protocol_mapper == PAIRWISE_MAPPER
    ]
    if not found:
        return None
    position, mapper = found[0]
    place = f"{pointer}/protocolMappers/{position}/config/{SECTOR}"
    salt = mapper.config.get(SALT, "").strip()
    if len(found) > 1:
        problem = f"“{client.client_id}” has two mappers for pairwise subjects: a user can have one name only."
        findings.append(error("C-PAIRWISE", f"{pointer}/protocolMappers/{found[1][0]}", problem, "Remove one."))
    sector = _sector(client, mapper.config.get(SECTOR, ""), place, findings)
    return Pairwise(sector=sector, salt=Secret(salt) if salt else None)


def _sector(client: file.Client, address: str, place: str, findings: list[Finding]) -> str:
    """§8.1: the host of the sector's address, or the one host that the client returns to.

    The list behind the address is not fetched here: who writes the file answers for it.
    """
    if address:
        if _host(address, "https"):
            return _host(address, "https")
        problem = f"“{address}” is not the https address of a sector (OpenID Connect Core §8.1)."
        findings.append(error("C-PAIRWISE", place, problem, "Write the address, or leave it out."))
        return ""
    absolute = (client.root_url.rstrip("/") + uri if uri.startswith("/") else uri for uri in client.redirect_uris)
    hosts = {host for uri in absolute if (host := _host(uri))}
    if len(hosts) == 1:
        return hosts.pop()
    problem = f"“{client.client_id}” returns to {len(hosts)} hosts, so it is of no one sector."
    findings.append(error("C-PAIRWISE", place, problem, f"Set {SECTOR}."))
    return ""


def _host(address: str, scheme: str = "") -> str:
    try:
        parts = urlsplit(address)
    except ValueError:
        return ""
    return parts.hostname or "" if not scheme or parts.scheme == scheme else ""
