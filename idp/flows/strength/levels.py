"""How strong a login was: from its evidence, never from what was asked for (OpenID Connect Core §2, `acr`)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from idp.model.client import Client
from idp.model.flow import Evidence
from idp.model.oauth import AuthorizationRequest
from idp.model.realm import Realm

TWO_FACTORS = 2
OUT_OF_REACH = 99
"""The level of an acr that nothing here fulfils."""


def level_of(evidence: Iterable[Evidence]) -> int:
    """Return 0 for nothing, 1 for one category of element, 2 for two different ones (RTS (EU) 2018/389 Art. 4(1)).

    Two passwords, or two codes sent to one phone, are one category.
    """
    return min(len({proof.category for proof in evidence}), TWO_FACTORS)


def amr_of(evidence: Iterable[Evidence], *, now: int) -> tuple[str, ...]:
    """Return the methods used, in order, with `mfa` where there were two categories (RFC 8176 §2)."""
    proofs = tuple(evidence)
    told = [proof for proof in proofs if proof.amr_age is None or now - proof.at < proof.amr_age]
    methods = dict.fromkeys(method for proof in told for method in proof.amr)
    return (*methods, "mfa") if level_of(proofs) >= TWO_FACTORS else tuple(methods)


def names_of(realm: Realm, client: Client | None = None) -> Mapping[str, int]:
    """Return the levels by acr: the client's own names where it has any, else the realm's (Keycloak)."""
    return client.acr_levels if client is not None and client.acr_levels else realm.acr_levels


def acr_of(realm: Realm, level: int, client: Client | None = None) -> str:
    """Return the strongest acr that a level fulfils, or the level itself where there are no names."""
    fulfilled = [(needed, acr) for acr, needed in names_of(realm, client).items() if needed <= level]
    return max(fulfilled)[1] if fulfilled else str(level)


def requested_level(realm: Realm, acr_values: Sequence[str], client: Client | None = None) -> int:
    """Return the level that satisfies a request: the weakest acceptable one, since the values are preferences (T-15).

    An acr that the realm does not know asks for nothing (OpenID Connect Core §3.1.2.1: voluntary), and takes nothing
    away from a known one beside it.
    """
    names = names_of(realm, client)
    levels = [names.get(acr, _numeric(acr)) for acr in acr_values]
    return min((level for level in levels if level is not None), default=0)


def wanted_level(realm: Realm, client: Client | None, request: AuthorizationRequest) -> int:
    """Return the level at which a login for this request aims: what is preferred, and what is demanded in any case."""
    preferred = (*request.acr_values, *_voluntary(request))
    demanded = 0 if client is None else demanded_level(realm, client, request)
    return max(requested_level(realm, preferred, client), demanded)


def demanded_level(realm: Realm, client: Client, request: AuthorizationRequest) -> int:
    """Return the level below which a login is refused: by an essential `acr`, and by the client's own minimum.

    Unlike `acr_values`, an essential claim with values is no preference (OpenID Connect Core §5.5.1.1): an acr that
    the realm does not know is out of reach, and never takes the demand away.
    """
    values = _essential(request)
    levels = [_level(names_of(realm, client), acr) for acr in values]
    return max(min(levels, default=0), _minimum(realm, client))


def is_strong_enough(realm: Realm, client: Client, acr: str | None) -> bool:
    """Tell whether a grant that says this acr reaches the client's own minimum; an acr that is unknown says nothing."""
    minimum = _minimum(realm, client)
    known = None if acr is None else names_of(realm, client).get(acr, _numeric(acr))
    return minimum == 0 or (known or 0) >= minimum


def _minimum(realm: Realm, client: Client) -> int:
    return _level(names_of(realm, client), client.minimum_acr) if client.minimum_acr else 0


def told_acr(realm: Realm, client: Client, level: int, request: AuthorizationRequest) -> str:
    """Return the `acr` that tokens say: one of the essential values where there are any, or the strongest fulfilled.

    Of names for one and the same level it is the one that was asked for (RFC 9470 §4: the client compares texts).
    """
    names = names_of(realm, client)
    fulfilled = [acr for acr in _essential(request) if _level(names, acr) <= level]
    if fulfilled:
        return max(fulfilled, key=lambda acr: _level(names, acr))
    strongest = acr_of(realm, level, client)
    same = [acr for acr in (*request.acr_values, *_voluntary(request)) if names.get(acr) == names.get(strongest, -1)]
    return same[0] if same else strongest


def _essential(request: AuthorizationRequest) -> tuple[str, ...]:
    return _claimed(request, essential=True)


def _voluntary(request: AuthorizationRequest) -> tuple[str, ...]:
    return _claimed(request, essential=False)


def _claimed(request: AuthorizationRequest, *, essential: bool) -> tuple[str, ...]:
    claims = request.terms.claims
    asked = claims.id_token.get("acr") if claims is not None else None
    if asked is None or asked.essential is not essential:
        return ()
    return tuple(acr for acr in asked.values if isinstance(acr, str))


def _level(names: Mapping[str, int], acr: str) -> int:
    level = names.get(acr, _numeric(acr))
    return OUT_OF_REACH if level is None else level


def _numeric(acr: str) -> int | None:
    return int(acr) if acr.isascii() and acr.isdigit() and len(acr) == 1 else None
