"""How strong a login was: from its evidence, never from what was asked for (OpenID Connect Core §2, `acr`)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from idp.model.flow import Evidence
from idp.model.realm import Realm

TWO_FACTORS = 2


def level_of(evidence: Iterable[Evidence]) -> int:
    """Return 0 for nothing, 1 for one category of element, 2 for two different ones (RTS (EU) 2018/389 Art. 4(1)).

    Two passwords, or two codes sent to one phone, are one category.
    """
    return min(len({proof.category for proof in evidence}), TWO_FACTORS)


def amr_of(evidence: Iterable[Evidence]) -> tuple[str, ...]:
    """Return the methods used, in order, with `mfa` where there were two categories (RFC 8176 §2)."""
    proofs = tuple(evidence)
    methods = dict.fromkeys(method for proof in proofs for method in proof.amr)
    return (*methods, "mfa") if level_of(proofs) >= TWO_FACTORS else tuple(methods)


def acr_of(realm: Realm, level: int) -> str:
    """Return the strongest acr of the realm that a level fulfils, or the level itself where the realm names none."""
    fulfilled = [(needed, acr) for acr, needed in realm.acr_levels.items() if needed <= level]
    return max(fulfilled)[1] if fulfilled else str(level)


def requested_level(realm: Realm, acr_values: Sequence[str]) -> int:
    """Return the level that satisfies a request: the weakest acceptable one, since the values are preferences (T-15).

    An acr that the realm does not know asks for nothing (OpenID Connect Core §3.1.2.1: voluntary), and takes nothing
    away from a known one beside it.
    """
    levels = [realm.acr_levels.get(acr, _numeric(acr)) for acr in acr_values]
    return min((level for level in levels if level is not None), default=0)


def _numeric(acr: str) -> int | None:
    return int(acr) if acr.isascii() and acr.isdigit() and len(acr) == 1 else None
