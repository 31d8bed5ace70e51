from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.realms.users.phone_numbers import country_of, number_of


@pytest.mark.parametrize(
    "written",
    ["+355692000101", "+355 69 200 0101", "+355(0)692000101", "+355-69-200-0101", "+٣٥٥٦٩٢٠٠٠١٠١", "tel:+355692000101"],
)
def test_one_number_has_one_form(written: str) -> None:
    assert number_of(written) == "+355692000101"


@pytest.mark.parametrize(
    "written",
    [
        "",
        "0692000101",
        "00355692000101",
        "355692000101",
        "+355692000101;ext=5",
        "+355692000101 x7",
        "+35569200",
        "+35542200000",
        "+3558001234",
        "+355900123",
        "+19002345678",
        "+882161234567",
        "+0",
        "+" + "3" * 5000,
    ],
)
def test_what_is_no_mobile_number_in_international_form_is_none(written: str) -> None:
    assert number_of(written) is None


def test_a_kind_of_number_is_taken_where_the_bank_wants_it() -> None:
    landline = "+35542234567"
    assert number_of(landline) is None
    assert number_of(landline, kinds=frozenset({"FIXED_LINE"})) == landline
    assert number_of("+355692000101", kinds=frozenset({"FIXED_LINE"})) is None


def test_the_country_of_a_number_is_its_calling_code() -> None:
    assert country_of("+355692000101") == "+355"
    assert country_of("+12125550123") == "+1"
    assert country_of("nothing") == ""


@given(st.text(max_size=80))
def test_whatever_is_written_is_a_number_or_none(written: str) -> None:
    number = number_of(written)
    assert number is None or number_of(number) == number
