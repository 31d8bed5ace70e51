"""The response types that a client registered for, where it said more than Keycloak's two switches can."""

from __future__ import annotations

from idp.realms.representation import realm as file
from idp.realms.values import listed

RESPONSE_TYPES = "hyrja.responseTypes"


def response_types(client: file.Client) -> frozenset[tuple[str, ...]] | None:
    """Return them, the words of each in order; None for a client that has only the switches."""
    text = client.attributes.get(RESPONSE_TYPES)
    if text is None:
        return None
    return frozenset(tuple(sorted(one.split())) for one in listed(text))
