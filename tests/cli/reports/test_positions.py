"""Where a JSON pointer stands in a text: whatever the text, the place holds that value."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from idp.cli.reports.positions import Places, Region, spans
from idp.realms.files.reading import escaped

LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4), max_leaves=15
)


def every(value: Any, pointer: str = "") -> dict[str, Any]:
    found = {pointer: value}
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        found |= every(inner, f"{pointer}/{escaped(str(key))}")
    return found


@given(value=VALUES, indent=st.sampled_from([None, 2]), ascii_only=st.booleans())
def test_the_place_of_every_pointer_holds_its_value_and_there_is_no_other(
    value: Any,
    indent: int | None,
    ascii_only: bool,  # noqa: FBT001 - a table's column
) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    found = spans(text)
    assert {pointer: json.loads(text[start:end]) for pointer, (start, end) in found.items()} == every(value)


@given(st.text())
def test_a_text_that_is_no_json_has_no_places_and_no_traceback(text: str) -> None:
    Places(text + "{").region("/a")
    assert spans(text + "{") == {}


def test_a_text_that_is_nested_too_deeply_has_no_places() -> None:
    assert spans("[" * 200_000 + "]" * 200_000) == {}


def test_lines_and_columns_count_from_one_in_characters() -> None:
    places = Places('{\n  "é😀": [1,\n    "two"],\n  "a/b": {}\n}')
    assert places.region("/é😀/0") == Region(2, 10, 2, 11)
    assert places.region("/é😀/1") == Region(3, 5, 3, 10)
    assert places.region("/é😀") == Region(2, 9, 3, 11)
    assert places.region("/a~1b") == Region(4, 10, 4, 12)


def test_what_is_missing_is_shown_where_its_holder_begins() -> None:
    places = Places('{"a":\n {"b": 1}}')
    assert places.region("/a/c/d") == Region(2, 2, 2, 3)
    assert places.region("/nothing") == Region(1, 1, 1, 2)
