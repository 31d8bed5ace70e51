from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.oidc.possession.addresses import normalised


@pytest.mark.parametrize(
    ("spelled", "meant"),
    [
        ("https://id.bank.al/a", "https://id.bank.al/a"),
        ("HTTPS://ID.BANK.AL/a", "https://id.bank.al/a"),
        ("https://id.bank.al:443/a", "https://id.bank.al/a"),
        ("https://id.bank.al:/a", "https://id.bank.al/a"),
        ("http://id.bank.al:80/a", "http://id.bank.al/a"),
        ("https://id.bank.al:80/a", "https://id.bank.al:80/a"),
        ("https://id.bank.al", "https://id.bank.al/"),
        ("https://id.bank.al/?a=b", "https://id.bank.al/"),
        ("https://id.bank.al/a?b#c", "https://id.bank.al/a"),
        ("https://id.bank.al/a/./b/../c", "https://id.bank.al/a/c"),
        ("https://id.bank.al/../../a", "https://id.bank.al/a"),
        ("https://id.bank.al/a/..", "https://id.bank.al/"),
        ("https://id.bank.al/a/b/.", "https://id.bank.al/a/b/"),
        ("https://id.bank.al/%7e%41%2f%C3%ab", "https://id.bank.al/~A%2F%C3%AB"),
        ("https://id.bank.al/a/%2e%2e/b", "https://id.bank.al/b"),
        ("https://[2001:DB8::1]:443/", "https://[2001:db8::1]/"),
    ],
)
def test_an_address_has_one_spelling(spelled: str, meant: str) -> None:
    assert normalised(spelled) == meant


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("/token", id="no origin"),
        pytest.param("ftp://id.bank.al/", id="another scheme"),
        pytest.param("https:///a", id="no host"),
        pytest.param("https://a@id.bank.al/", id="a user"),
        pytest.param("https://id.bank.al:x/", id="no port"),
        pytest.param("https://id.bank.al:99999/", id="no such port"),
        pytest.param("https://[::1/", id="half a bracket"),
        pytest.param("https://id.bank.al\\@evil.example/", id="a backslash"),
        pytest.param("https://id.bank.al/a\tb", id="a tab"),
        pytest.param(" https://id.bank.al/", id="a space"),
        pytest.param("https://id.bank.al/ë", id="not ASCII"),
    ],
)
def test_what_is_no_address_of_ours_has_none(text: str) -> None:
    assert normalised(text) is None


@given(path=st.text(alphabet="ab./%2eE", max_size=20))
def test_the_one_spelling_is_its_own(path: str) -> None:
    once = normalised(f"https://id.bank.al/{path}")
    assert once is not None
    assert normalised(once) == once
