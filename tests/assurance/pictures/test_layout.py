"""Nothing lies over anything else, and a phone's width suffices where it can."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from idp.assurance.pictures.layout import CARD, RAIL, Drawing, drawn
from idp.assurance.pictures.letters import broken, shortened, width
from idp.assurance.pictures.svg import PAGE, PHONE
from idp.flows.assembly import UnusableRealmError
from tests.assurance.pictures.drawings import FIFTEEN, OPTIONAL_TOKEN, boxes, picture
from tests.assurance.test_random_flows import SHAPES, flows_of


def assert_nothing_overlaps(drawing: Drawing) -> None:
    placed = [(x - b.width / 2, y, x + b.width / 2, y + b.height) for b, x, y in boxes(drawing)]
    for one, other in combinations(placed, 2):
        beside = one[2] <= other[0] or other[2] <= one[0]
        below = one[3] <= other[1] or other[3] <= one[1]
        assert beside or below
    assert min(left for left, _, _, _ in placed) >= -drawing.left
    assert max(right for _, _, right, _ in placed) <= drawing.right
    assert max(bottom for _, _, _, bottom in placed) <= drawing.height


@pytest.mark.parametrize("room", [PHONE, PAGE, 2000])
@pytest.mark.parametrize("flows", [OPTIONAL_TOKEN, FIFTEEN])
def test_no_box_lies_over_another(flows: Any, room: float) -> None:
    assert_nothing_overlaps(drawn(picture(*flows).flow, room))


@settings(deadline=None, max_examples=60)
@given(shape=SHAPES, room=st.sampled_from([PHONE, PAGE, 2000]))
def test_no_box_of_any_flow_lies_over_another(shape: Any, room: float) -> None:
    try:
        found = picture(*flows_of(shape))
    except UnusableRealmError:
        assume(False)
    assert_nothing_overlaps(drawn(found.flow, room))


def test_ways_stand_side_by_side_where_there_is_room_and_below_each_other_on_a_phone() -> None:
    flow = picture(*OPTIONAL_TOKEN).flow
    wide, narrow = drawn(flow, 2000), drawn(flow, PHONE)
    assert wide.height < narrow.height
    assert wide.left + wide.right > 2 * CARD
    assert narrow.left + narrow.right <= PHONE + 2 * RAIL


@given(text=st.text(max_size=80), room=st.integers(min_value=20, max_value=300))
def test_broken_lines_fit_and_lose_nothing(text: str, room: int) -> None:
    lines = broken(text, 12, room)
    assert "".join("".join(lines).split()) == "".join(text.split())
    assert all(width(line, 12) <= room or len(line) == 1 for line in lines)
    assert width(shortened(text, 12, room), 12) <= max(room, width("…", 12))
