"""The addresses that a profile lets a client have."""

from __future__ import annotations

from typing import Any

import pytest

from tests.realms.policies.clients import banking, judged, places


@pytest.mark.parametrize(
    "uri",
    [
        "http://app.bank.al/callback",
        "http://127.0.0.1/callback",
        "https://app.bank.al/*",
        "al.bank.app:/callback",
        "https:///callback",
        "https://[::1",
        "/callback",
    ],
)
def test_a_confidential_client_returns_to_one_exact_https_address(uri: str) -> None:
    found = judged(banking(redirect_uris=("https://app.bank.al/callback", uri)), "secure-client-uris")
    assert [(one.place, one.code) for one in found] == [("/redirectUris/1", "invalid_redirect_uri")]


def test_a_native_application_may_listen_on_its_own_machine() -> None:
    native = banking(public_client=True, redirect_uris=("http://127.0.0.1/callback", "http://[::1]/callback"))
    assert judged(native, "secure-client-uris") == []
    assert places(judged(banking(public_client=True, redirect_uris=("http://127.0.0.1/*",)), "secure-client-uris"))


def test_a_relative_address_is_judged_with_its_root() -> None:
    good = banking(root_url="https://app.bank.al", base_url="/", redirect_uris=("/callback",))
    bad = banking(root_url="http://app.bank.al", base_url="/", redirect_uris=("/callback",))
    assert judged(good, "secure-client-uris") == []
    assert places(judged(bad, "secure-client-uris")) == ["/redirectUris/0", "/rootUrl"]


@pytest.mark.parametrize(
    "attribute",
    [
        "jwks.url",
        "backchannel.logout.url",
        "frontchannel.logout.url",
        "ciba.backchannel.client.notification.endpoint",
        "sector.identifier.uri",
        "logoUri",
        "policyUri",
        "tosUri",
        "login.initiate.uri",
        "request.uris",
        "post.logout.redirect.uris",
    ],
)
def test_every_other_address_is_https_too(attribute: str) -> None:
    assert judged(banking({attribute: "https://app.bank.al/a"}), "secure-client-uris") == []
    found = judged(banking({attribute: "http://app.bank.al/a"}), "secure-client-uris")
    assert [(one.place, one.code) for one in found] == [(f"/attributes/{attribute}", "invalid_client_metadata")]


def test_words_that_stand_for_the_redirect_addresses_are_no_addresses() -> None:
    client = banking({"post.logout.redirect.uris": "+##https://app.bank.al/bye"}, web_origins=("+",))
    assert judged(client, "secure-client-uris") == []
    assert places(judged(banking(web_origins=("*",)), "secure-client-uris")) == ["/webOrigins/0"]


OAUTH_2_1 = {"oauth_2_1_compliant": True}
NATIVE = {
    "oauth_2_1_compliant": True,
    "allow_http_scheme": True,
    "allow_ipv4_loopback_address": True,
    "allow_ipv6_loopback_address": True,
    "allow_private_use_uri_scheme": True,
}
REDIRECTS: list[tuple[str, dict[str, Any], dict[str, Any] | None]] = [
    # address, a configuration that allows it, one that does not
    ("https://app.bank.al/callback", {}, None),
    ("https://app.bank.al/callback", {"allow_permitted_domains": ["app[.]bank[.]al"]}, None),
    ("https://evil.example/", {"allow_open_redirect": True}, {"allow_permitted_domains": ["app[.]bank[.]al", "("]}),
    ("http://app.bank.al/", {"allow_http_scheme": True}, {}),
    ("http://app.bank.al/", {"allow_open_redirect": True}, {"allow_http_scheme": True, **OAUTH_2_1}),
    ("https://app.bank.al/*", {"allow_wildcard_context_path": True}, {}),
    ("https://app.bank.al/*", {"allow_open_redirect": True}, {"allow_wildcard_context_path": True, **OAUTH_2_1}),
    ("http://127.0.0.1/callback", NATIVE, {**NATIVE, "allow_ipv4_loopback_address": False}),
    ("http://127.0.0.1/callback", NATIVE, {**NATIVE, "allow_http_scheme": False}),
    ("http://[::1]/callback", NATIVE, {**NATIVE, "allow_ipv6_loopback_address": False}),
    ("http://localhost/callback", {**NATIVE, "oauth_2_1_compliant": False}, NATIVE),
    ("al.bank.app:/callback", NATIVE, {**NATIVE, "allow_private_use_uri_scheme": False}),
    ("bankapp:/callback", {**NATIVE, "oauth_2_1_compliant": False}, NATIVE),
    ("https://app.bank.al/#home", {}, OAUTH_2_1),
    ("callback", {"allow_open_redirect": True}, {}),
]


@pytest.mark.parametrize(("uri", "allowing", "refusing"), REDIRECTS)
def test_redirect_addresses_are_what_the_profile_allows(
    uri: str, allowing: dict[str, Any], refusing: dict[str, Any] | None
) -> None:
    client = banking(redirect_uris=(uri,))
    assert judged(client, "secure-redirect-uris-enforcer", **allowing) == []
    if refusing is not None:
        found = judged(client, "secure-redirect-uris-enforcer", **refusing)
        assert [(one.place, one.code) for one in found] == [("/redirectUris/0", "invalid_redirect_uri")]


def test_addresses_after_a_logout_are_judged_alike() -> None:
    client = banking({"post.logout.redirect.uris": "+##http://app.bank.al/bye"})
    assert places(judged(client, "secure-redirect-uris-enforcer")) == ["/attributes/post.logout.redirect.uris"]


def test_a_client_that_never_redirects_has_nothing_to_judge() -> None:
    client = banking(redirect_uris=("http://app.bank.al/",), standard_flow_enabled=False)
    assert judged(client, "secure-redirect-uris-enforcer") == []
