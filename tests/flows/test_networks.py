"""What budgets of strangers are counted by."""

from __future__ import annotations

import pytest

from idp.flows.networks import subscriber_of


@pytest.mark.parametrize(
    ("address", "subscriber"),
    [
        ("198.51.100.7", "198.51.100.7"),
        ("::ffff:198.51.100.7", "198.51.100.7"),
        ("2a02:1:2:3:4:5:6:7", "2a02:1:2:3::/64"),
        ("2a02:1:2:3::", "2a02:1:2:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("testclient", ""),
        ("", ""),
        (None, ""),
    ],
)
def test_a_subscriber_is_an_ipv4_address_or_half_of_an_ipv6_address(address: str | None, subscriber: str) -> None:
    assert subscriber_of(address) == subscriber
