"""Names and addresses as they are compared."""

from __future__ import annotations

import unicodedata


def folded(text: str) -> str:
    """Return what two spellings of one name have in common, whatever their case (Unicode §3.13).

    "Ëngjëll" typed on one keyboard is not the same bytes as on another, but it is the same customer.
    """
    return unicodedata.normalize("NFC", text.casefold())
