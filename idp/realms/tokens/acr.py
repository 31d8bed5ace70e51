"""Keycloak's `acr.loa.map`: names of levels of authentication, of a realm or of one client."""

from __future__ import annotations

import json
from collections.abc import Mapping

from idp.model.finding import Finding
from idp.realms.values import error

_KEY = "acr.loa.map"


def acr_levels(attributes: Mapping[str, str], pointer: str, findings: list[Finding]) -> dict[str, int]:
    """Read the map: JSON text in an attribute, with numbers that may be text. `pointer` is that of its owner."""
    text = attributes.get(_KEY)
    if not text:
        return {}
    try:
        return {str(acr): int(level) for acr, level in json.loads(text).items()}
    except (ValueError, TypeError, AttributeError, OverflowError):
        problem = "acr.loa.map is not the JSON text of an object of numbers."
        findings.append(error("R-ACR", f"{pointer}/attributes/{_KEY}", problem, 'Write "{\\"mfa\\": 2}".'))
        return {}
