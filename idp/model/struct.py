"""What every noun of the house is made of."""

from __future__ import annotations

import msgspec


class Frozen(msgspec.Struct, frozen=True, kw_only=True):
    """An immutable value. Repeat `frozen=True` on subclasses: type checkers do not inherit it."""
