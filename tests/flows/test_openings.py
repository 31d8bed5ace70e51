from __future__ import annotations

from idp.flows.openings import WINDOW, Openings

NOW = WINDOW * 1_000_000


def test_a_subscriber_who_begins_too_many_logins_waits_for_the_next_window() -> None:
    openings = Openings(most=3)
    assert [openings.admits("192.0.2.1", NOW) for _ in range(5)] == [True, True, True, False, False]
    assert openings.admits("192.0.2.2", NOW), "a neighbour is somebody else"
    assert not openings.admits("192.0.2.1", NOW + WINDOW - 1)
    assert openings.admits("192.0.2.1", NOW + WINDOW)


def test_a_line_with_very_many_addresses_is_one_subscriber() -> None:
    openings = Openings(most=3)
    assert [openings.admits(f"2001:db8::{n}", NOW) for n in range(4)] == [True, True, True, False]


def test_of_very_many_subscribers_the_rest_count_as_one() -> None:
    openings = Openings(most=2, most_subscribers=2)
    for n in range(2):
        assert openings.admits(f"192.0.2.{n}", NOW)
    assert [openings.admits(f"198.51.100.{n}", NOW) for n in range(3)] == [True, True, False]
    assert openings.admits("192.0.2.0", NOW), "who was there before is still told apart"
