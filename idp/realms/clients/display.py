"""What a client of a realm file shows of itself: Keycloak's attributes → model."""

from __future__ import annotations

import json
from collections.abc import Iterator

from idp.model.clients.display import ClientDisplay
from idp.model.finding import Finding
from idp.realms.addresses import Reach, reach
from idp.realms.representation import realm as file
from idp.realms.values import warning

INITIATE_LOGIN = "login.initiate.uri"
TRANSLATIONS = "hyrja.translations"
_SHOWN = {"logo_uri": "logoUri", "policy_uri": "policyUri", "tos_uri": "tosUri"}


def client_display(client: file.Client) -> ClientDisplay:
    """Return what people are shown; an address that no page may link to is left out (`display_findings` says so)."""
    shown = {name: _address(client.attributes.get(key, "")) for name, key in _SHOWN.items()}
    return ClientDisplay(
        **shown,
        initiate_login_uri=_address(client.attributes.get(INITIATE_LOGIN, "")),
        translations=_translations(client),
    )


def display_findings(client: file.Client, pointer: str) -> Iterator[Finding]:
    """Yield the addresses that cannot be shown or gone to."""
    for key in (*_SHOWN.values(), INITIATE_LOGIN):
        written = client.attributes.get(key, "")
        if written and not _address(written):
            problem = f"“{written}” is not an https address; no page shows it."
            yield warning("C-DISPLAY", f"{pointer}/attributes/{key}", problem, "Use https.")


def _translations(client: file.Client) -> dict[str, str]:
    """Return the translations that a client registered; what is not JSON is none."""
    try:
        found = json.loads(client.attributes.get(TRANSLATIONS, "{}"))
    except ValueError:
        return {}
    texts = found.items() if isinstance(found, dict) else ()
    return {
        name: text if name.startswith("client_name#") else _address(text)
        for name, text in texts
        if isinstance(text, str)
    }


def _address(written: str) -> str:
    """Return an address that may stand in a page and, with its host, in a Content-Security-Policy; or nothing."""
    return written if reach(written) is Reach.HTTPS else ""
