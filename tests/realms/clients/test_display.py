"""What a client of a realm file shows of itself: https addresses only, for they stand in our pages."""

from __future__ import annotations

from typing import Any

import pytest

from idp.model.clients.display import ClientDisplay
from tests.realms.documents import demo, loaded


def shown(**attributes: str) -> tuple[ClientDisplay, set[str]]:
    def change(document: dict[str, Any]) -> None:
        document["clients"][0]["attributes"] = {**document["clients"][0].get("attributes", {}), **attributes}

    found = loaded(demo(change))
    client = next(iter(found.realm.clients.values()))
    return client.display, {one.pointer for one in found.findings if one.rule == "C-DISPLAY"}


def test_keycloaks_attributes_are_shown() -> None:
    display, findings = shown(
        logoUri="https://app.example/logo.png",
        policyUri="https://app.example/policy",
        tosUri="https://app.example/terms",
        **{"login.initiate.uri": "https://app.example/login"},
    )
    assert findings == set()
    assert display == ClientDisplay(
        logo_uri="https://app.example/logo.png",
        policy_uri="https://app.example/policy",
        tos_uri="https://app.example/terms",
        initiate_login_uri="https://app.example/login",
    )


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        "http://app.example/logo.png",
        "http://localhost/logo.png",
        "/logo.png",
        "https://app.example;script-src/x",
        "https://app.example, https://evil.example/",
        "https://[broken/",
        'https://app.example/"onerror=',
    ],
)
def test_what_is_no_safe_address_is_left_out_and_told(address: str) -> None:
    display, findings = shown(logoUri=address)
    assert display == ClientDisplay()
    assert findings == {"/clients/0/attributes/logoUri"}
    assert not display


def test_translations_are_of_text_and_of_safe_addresses() -> None:
    written = '{"client_name#sq": "Pagesat", "logo_uri#sq": "javascript:x", "tos_uri#sq": "https://a.example/", "n": 1}'
    display, _ = shown(**{"hyrja.translations": written})
    assert display.said("client_name", "sq") == "Pagesat"
    assert display.said("client_name", "it") == ""
    assert display.said("logo_uri", "sq") == ""
    assert display.said("tos_uri", "sq") == "https://a.example/"
    for broken in ("[]", "{", "null"):
        assert shown(**{"hyrja.translations": broken})[0] == ClientDisplay()
