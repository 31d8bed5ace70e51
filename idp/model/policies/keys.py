"""How long a realm's keys live, and for which algorithms it has some: read from its configuration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, get_args

from idp.model.client import SigningAlgorithm
from idp.model.realm import Realm
from idp.model.struct import Frozen

EncryptionFamily = Literal["RSA-OAEP", "ECDH-ES"]
"""What a key that others encrypt to is for, named after the simplest key management of its kind."""
KeyAlgorithm = SigningAlgorithm | EncryptionFamily | Literal["HS256"]
"""What a key of ours is used with; HS256 is for refresh tokens, which only we read."""
ENCRYPTION_FAMILIES: tuple[EncryptionFamily, ...] = get_args(EncryptionFamily)

ROTATION_ATTRIBUTE = "hyrja.keyRotationDays"
OVERLAP_ATTRIBUTE = "hyrja.keyOverlapDays"
LONGEST_DAYS = 3650
JWKS_LIFETIME = 300
"""Seconds for which a relying party may keep the published key set."""
ANNOUNCED = JWKS_LIFETIME + 30
"""Seconds for which a new key is published before it signs: whoever asked a moment before it will have asked again."""

_ALWAYS: tuple[SigningAlgorithm, ...] = ("ES256", "RS256")  # OpenID Connect Core §15.1 demands RS256 of every provider
_DAY = 86400


class KeyPolicy(Frozen, frozen=True, kw_only=True):
    """What a realm demands of its keys. Times in seconds; `rotation=None` means by hand only."""

    algorithms: tuple[SigningAlgorithm, ...] = _ALWAYS
    encryption: tuple[EncryptionFamily, ...] = ()
    rotation: int | None = None
    overlap: int = 30 * _DAY

    @property
    def needed(self) -> tuple[KeyAlgorithm, ...]:
        """Every algorithm that the realm must have a key of at work."""
        return (*self.algorithms, *self.encryption, "HS256")


def key_policy(realm: Realm) -> KeyPolicy:
    """Return the policy of a realm: the overlap is never shorter than the longest life of a token."""
    rotation, overlap = days(realm.attributes, ROTATION_ATTRIBUTE), days(realm.attributes, OVERLAP_ATTRIBUTE)
    return KeyPolicy(
        algorithms=_algorithms(realm),
        encryption=ENCRYPTION_FAMILIES,
        rotation=None if rotation is None else rotation * _DAY,
        overlap=max((overlap or 0) * _DAY, longest_life(realm)),
    )


def days(attributes: Mapping[str, str], name: str) -> int | None:
    """Return a number of days, or nothing where there is none that could be used (the realm check reports it)."""
    text = attributes.get(name, "")
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(LONGEST_DAYS))):
        return None
    return int(text) if 1 <= int(text) <= LONGEST_DAYS else None


def longest_life(realm: Realm) -> int:
    """Return for how many seconds a token of the realm can be good: a key must verify for as long."""
    lifespans = realm.lifespans
    of_clients = (client.access_token_lifespan or 0 for client in realm.every_client)
    of_realm = (lifespans.access_token, lifespans.implicit_access_token, lifespans.sso_max, lifespans.offline_idle)
    return max(*of_realm, *of_clients)


def _algorithms(realm: Realm) -> tuple[SigningAlgorithm, ...]:
    named = {realm.default_signature_algorithm}
    # Before there is a client of it, or none could register: what has no key is not supported.
    named.update(algorithm for policy in realm.client_policies for algorithm in policy.algorithms)
    for client in realm.every_client:
        answers = client.userinfo, client.introspection, client.authorization_response
        algorithms = (client.id_token_algorithm, client.access_token_algorithm, *(one.signed for one in answers))
        named |= {algorithm for algorithm in algorithms if algorithm is not None and algorithm != "none"}
    return (*_ALWAYS, *sorted(named - set(_ALWAYS)))
