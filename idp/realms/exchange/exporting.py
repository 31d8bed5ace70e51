"""A version of a realm as a file for others: whole, with its secrets masked, or redacted for auditors."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any

from idp.realms.exchange.secret_places import without_secrets

Instead = Callable[[str], str]
"""Says what stands in the place of a secret."""

_HERE = '\n  "users": []'
"""Where users stand in the text of a file without any: at the outermost level, and nowhere else."""


def exported(
    document: Mapping[str, Any], *, instead: Instead | None, users: Sequence[Mapping[str, Any]] | None = None
) -> str:
    """Return the text of a realm file: the same bytes for the same realm, so that two exports can be compared.

    Without `instead` secrets stay in. Unknown keys come along as they are.
    """
    return _text(document if users is None else {**document, "users": list(users)}, instead) + "\n"


async def exported_piecemeal(
    document: Mapping[str, Any], *, instead: Instead | None, users: AsyncIterator[Mapping[str, Any]]
) -> AsyncIterator[str]:
    """Yield the text of a realm file with its users, piece by piece: what `exported` returns, one user in memory."""
    before, after = _text({**document, "users": []}, instead).split(_HERE)
    yield before + _HERE.removesuffix("]")
    separator = ""
    async for user in users:
        text = _text({"users": [user]}, instead)
        yield separator + text.removeprefix('{\n  "users": [').removesuffix("\n  ]\n}")
        separator = ","
    yield ("\n  ]" if separator else "]") + after + "\n"


def _text(document: Mapping[str, Any], instead: Instead | None) -> str:
    shown = document if instead is None else without_secrets(document, instead)
    return json.dumps(shown, indent=2, sort_keys=True, ensure_ascii=False)
