"""Rules about authorization requests: objects that nobody could sign, addresses that are not called, unknown names."""

from __future__ import annotations

from collections.abc import Iterator

from idp.model.client import Client
from idp.model.clients.assertion import HMAC_SIZE, SECRET_ALGORITHMS
from idp.model.finding import Finding
from idp.model.realm import Realm
from idp.model.resource import is_resource
from idp.realms.addresses import Reach, reach
from idp.realms.clients.requests import ALGORITHM, DETAILS_TYPES, RESOURCES, URIS
from idp.realms.values import error, warning

_LONGEST_PUSHED = 600  # seconds
_MINIMUM = "minimum.acr.value"


def request_findings(client: Client, pointer: str) -> Iterator[Finding]:
    """Yield what is wrong with what a client has registered about its requests."""
    place = f"{pointer}/attributes"
    yield from _signature(client, place)
    for uri in client.request_objects.uris:
        yield from _address(uri, f"{place}/{URIS}")
    for resource in client.resources:
        if not is_resource(resource):
            problem = f"“{resource}” is not an absolute URI without a fragment (RFC 8707 §2)."
            yield error("C-RESOURCE", f"{place}/{RESOURCES}", problem, "Write whole URIs, separated by ##.")


def known_names_findings(realm: Realm, client: Client, pointer: str) -> Iterator[Finding]:
    """Yield what a client names and its realm does not have."""
    place = f"{pointer}/attributes"
    for name in client.authorization_details_types:
        if name not in realm.authorization_details_types:
            problem = f"The realm has no authorization details of the type “{name}”; they are refused."
            repair = "Add its schema to hyrja.authorizationDetailsTypes, or remove it here."
            yield warning("C-DETAILS", f"{place}/{DETAILS_TYPES}", problem, repair)
    acr = client.minimum_acr
    if acr and acr not in (client.acr_levels or realm.acr_levels) and acr not in {"0", "1", "2"}:
        problem = f"The realm has no level “{acr}”: every login for “{client.client_id}” would be refused."
        yield error("C-ACR", f"{place}/{_MINIMUM}", problem, "Name one of acr.loa.map.")


def pushed_request_findings(realm: Realm) -> Iterator[Finding]:
    """Yield what is unwise about the life of pushed requests."""
    if realm.lifespans.pushed_request >= _LONGEST_PUSHED:
        problem = "A pushed request can be begun for ten minutes or more (FAPI 2.0 Security Profile §5.3.2.2)."
        yield warning("L-PUSHED", "/attributes/parRequestUriLifespan", problem, "Set 60.")


def _signature(client: Client, place: str) -> Iterator[Finding]:
    algorithms, named = client.request_objects.algorithms, f"{place}/{ALGORITHM}"
    if "none" in algorithms:
        problem = f"“{client.client_id}” may send unsigned request objects: anybody at the browser can change them."
        yield warning("C-REQUEST-UNSIGNED", named, problem, "Register an algorithm of its keys, or push the requests.")
        return
    secret = next((one for one in SECRET_ALGORITHMS if one in algorithms), None)
    if secret is not None:
        # A secret that is still to be found is another finding.
        if client.public or (client.secret is not None and len(client.secret.reveal().encode()) < HMAC_SIZE[secret]):
            problem = f"“{client.client_id}” has no secret of the {HMAC_SIZE[secret]} bytes of {secret}."
            yield error("C-REQUEST-KEYS", named, problem, "Give it one, or register an algorithm of its keys.")
    elif client.request_objects.is_demanded and not client.keys:
        problem = f"“{client.client_id}” must sign its requests and has no public key."
        repair = "Set use.jwks.url and jwks.url, or use.jwks.string and jwks.string."
        yield error("C-REQUEST-KEYS", f"{place}/request.object.required", problem, repair)


def _address(address: str, pointer: str) -> Iterator[Finding]:
    found = reach(address.partition("#")[0])  # the fragment is the client's affair (OpenID Connect Core §6.2)
    if found is Reach.NOWHERE or "*" in address:
        problem = f"“{address}” is no https address that could be asked for; it is compared as text."
        yield error("C-REQUEST-URI", pointer, problem, "Write each whole address, separated by ##.")
    elif found is Reach.LOOPBACK:
        problem = "Request objects come from a loopback address: called only with the switch outbound.allow_loopback."
        yield warning("C-REQUEST-URI", pointer, problem, "Use https.")
