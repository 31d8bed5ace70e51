"""Secrets of a realm document: hidden where somebody reads it, put back where it is published again.

Keycloak's mask stands in their place, as in its own exports. A placeholder (`${vault.…}`) is no secret and stays.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from idp.realms.keyed import identity, named, pointer_part

MASK = "**********"
"""What Keycloak writes in the place of a secret."""

_SECRETS = frozenset(
    {
        "secret",
        "clientSecret",
        "authTokenClientSecret",
        "password",
        "client.secret.rotated",
        "registrationAccessToken",
        "bindCredential",
        "privateKey",
        "keystorePassword",
        "keyPassword",
        "secretData",
        "pairwiseSubAlgorithmSalt",
    }
)


def is_secret(name: str) -> bool:
    """Tell whether what stands under a key of a realm file is a secret."""
    return name in _SECRETS


def masked(document: Any) -> Any:
    """Return the document with the mask in the place of every secret."""
    if isinstance(document, Mapping):
        return {key: _hidden(value) if is_secret(key) else masked(value) for key, value in document.items()}
    if isinstance(document, list):
        return [masked(value) for value in document]
    return document


def unmasked(document: Any, live: Any) -> Any:
    """Return the document with the secrets of `live` where it has the mask.

    Entries of lists are found by their names. A mask for which `live` has nothing stays: see `masks_left`.
    """
    if document == MASK:
        return live if isinstance(live, str) else document
    if isinstance(document, Mapping):
        of = live if isinstance(live, Mapping) else {}
        return {key: unmasked(value, of.get(key)) for key, value in document.items()}
    if isinstance(document, list):
        return _unmasked_entries(document, live if isinstance(live, list) else [])
    return document


def masks_left(document: Any, pointer: str = "") -> Iterator[str]:
    """Yield the JSON pointer of every mask."""
    if document == MASK:
        yield pointer
    elif isinstance(document, Mapping):
        for key, value in document.items():
            yield from masks_left(value, pointer + pointer_part(key))
    elif isinstance(document, list):
        for position, value in enumerate(document):
            yield from masks_left(value, pointer + pointer_part(position))


def _hidden(value: Any) -> Any:
    if isinstance(value, list):
        return [_hidden(one) for one in value]
    if isinstance(value, str) and value and not (value.startswith("${") and value.endswith("}")):
        return MASK
    return masked(value)


def _unmasked_entries(entries: list[Any], live: Sequence[Any]) -> list[Any]:
    key = identity(entries, live)
    if key is None:
        # A component keeps each value in a list of one.
        return [unmasked(entry, live[n] if n < len(live) else None) for n, entry in enumerate(entries)]
    of = named(live, key)
    return [unmasked(entry, of.get(entry[key], (0, None))[1]) for entry in entries]
