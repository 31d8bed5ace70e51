"""Pairwise subjects: each sector of clients knows a user under another name (OpenID Connect Core §8)."""

from __future__ import annotations

from idp.model.secret import Secret
from idp.model.struct import Frozen


class Pairwise(Frozen, frozen=True, kw_only=True):
    """What a client's subjects are made of, as Keycloak's mapper has it.

    `sector` is a host: clients of one sector have the same name for a user. Without a `salt` of its own (a realm file
    of Keycloak always has one) the realm's secret stands in for it: nobody else can compute the names.
    """

    sector: str
    salt: Secret | None = None
