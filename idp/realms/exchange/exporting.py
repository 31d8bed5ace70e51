"""A version of a realm as a file for others: whole, with its secrets masked, or redacted for auditors."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from idp.realms.exchange.secret_places import without_secrets


def exported(
    document: Mapping[str, Any],
    *,
    instead: Callable[[str], str] | None,
    users: Sequence[Mapping[str, Any]] | None = None,
) -> str:
    """Return the text of a realm file: the same bytes for the same realm, so that two exports can be compared.

    `instead` says what stands in the place of a secret; None leaves secrets in. Unknown keys come along as they are.
    """
    whole = dict(document) if users is None else {**document, "users": list(users)}
    shown = whole if instead is None else without_secrets(whole, instead)
    return json.dumps(shown, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
