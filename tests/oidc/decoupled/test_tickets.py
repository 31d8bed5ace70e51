"""What clients poll with and people type: drawn well, spelled any way, kept as neither."""

from __future__ import annotations

import re
import secrets
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.oidc.decoupled.tickets import authentication_request_id, new_user_code, ticket_of, typed_user_code
from tests.oidc.harness import Bank

CODE = re.compile(r"[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}")


def test_a_user_code_has_eight_letters_that_make_no_words() -> None:
    codes = [new_user_code(secrets.token_bytes) for _ in range(500)]
    assert all(map(CODE.fullmatch, codes))
    assert len(set(codes)) == 500


def test_every_letter_is_as_likely() -> None:
    """A byte modulo 20 would make some letters likelier; those bytes are drawn again."""
    stream = iter([bytes([255] * 8), bytes(range(240, 248)), bytes([0, 19, 20, 39, 200, 219, 220, 239])])
    assert new_user_code(lambda _size: next(stream)) == "BZBZ-BZBZ"
    counted = Counter(byte % 20 for byte in range(240))
    assert set(counted.values()) == {12}


@given(st.text(max_size=200))
def test_whatever_is_typed_is_a_code_or_none(text: str) -> None:
    found = typed_user_code(text)
    assert found is None or CODE.fullmatch(found)
    assert found is None or typed_user_code(found) == found


@pytest.mark.parametrize("typed", ["wdjb-mjht", "WDJBMJHT", " w d j b m j h t ", "WDJB\u2013MJHT", "wdjb.mjht"])
def test_spelling_does_not_count(typed: str) -> None:
    assert typed_user_code(typed) == "WDJB-MJHT"


@pytest.mark.parametrize("typed", ["", "WDJB-MJH", "WDJB-MJHTT", "WDJB-MJHA", "WDJB-MJH1", "ẆDJB-MJHT", "ßßßß"])
def test_what_cannot_be_a_code_is_none(typed: str) -> None:
    assert typed_user_code(typed) is None


def test_a_ticket_is_kept_under_a_key_and_for_one_kind(bank: Bank) -> None:
    kept = ticket_of(bank.provider, "device", "WDJB-MJHT")
    assert kept == ticket_of(bank.provider, "device", "WDJB-MJHT")
    assert kept != ticket_of(bank.provider, "backchannel", "WDJB-MJHT")
    assert "WDJB" not in kept


def test_an_authentication_request_id_has_256_bits_in_the_letters_of_the_specification(bank: Bank) -> None:
    """CIBA Core §7.3: at least 128 bits; letters, digits, `.`, `-` and `_`."""
    found = authentication_request_id(bank.provider, "salt")
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", found)
    assert found != authentication_request_id(bank.provider, "other salt")
