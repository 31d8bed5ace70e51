from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.gateways.sms.gsm import GSM, UCS2, fits_gsm, parts_of, with_header


@pytest.mark.parametrize("text", ["Kodi: 1", "@£$¥èéùìòÇØøÅåÄÖÑÜ§¿äöñüàΔΩ", "[]{}\\~^|€", "\n\r"])
def test_letters_of_the_alphabet_cost_one_price(text: str) -> None:
    assert fits_gsm(text)
    assert parts_of(text).coding == GSM


@pytest.mark.parametrize("text", ["ë", "ç", "`", "🔑", "Код", "\x1b"])
def test_one_letter_outside_the_alphabet_doubles_it(text: str) -> None:
    assert not fits_gsm(text)
    assert parts_of(text) == parts_of(text)
    assert parts_of(text).coding == UCS2


def test_the_codes_are_those_of_the_standard() -> None:
    # 3GPP TS 23.038 §6.2.1 and §6.2.1.1: the places of some letters, the escaped ones among them.
    assert parts_of("@A a€{\u00e0Ω").parts == (bytes([0, 0x41, 0x20, 0x61, 0x1B, 0x65, 0x1B, 0x28, 0x7F, 0x15]),)


@pytest.mark.parametrize(
    ("text", "lengths"),
    [
        ("a" * 160, [160]),
        ("a" * 161, [153, 8]),
        ("€" * 80, [160]),
        ("a" * 152 + "€" + "a" * 9, [152, 11]),
        ("ë" * 70, [140]),
        ("ë" * 71, [134, 8]),
        ("ë" * 66 + "🔑" * 5, [132, 20]),
    ],
)
def test_a_text_is_cut_where_its_letters_end(text: str, lengths: list[int]) -> None:
    assert [len(part) for part in parts_of(text).parts] == lengths


def test_a_text_that_is_far_too_long_is_no_message() -> None:
    with pytest.raises(ValueError, match="too long"):
        parts_of("a" * 2000)


def test_the_header_of_a_part_names_the_message_the_count_and_the_place() -> None:
    # 3GPP TS 23.040 §9.2.3.24.1: five octets follow; element 0, three octets of it.
    assert with_header(b"x", reference=258, count=3, number=2) == bytes([5, 0, 3, 2, 3, 2]) + b"x"


@given(st.text(max_size=600))
def test_the_parts_are_the_text(text: str) -> None:
    cut = parts_of(text)
    if cut.coding == UCS2:
        whole = b"".join(cut.parts).decode("utf-16-be")
        assert whole == text.encode("utf-16-be", "replace").decode("utf-16-be")
        assert all(part.decode("utf-16-be") or not text for part in cut.parts)
    for part in cut.parts:
        assert len(part) <= (160 if cut.coding == GSM else 140)
