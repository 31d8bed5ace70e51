from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.stores.redis.addresses import RedisAddress, UnusableAddressError, read_address


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("redis://localhost", RedisAddress(kind="alone", hosts=(("localhost", 6379),))),
        ("redis://[::1]:7000/3", RedisAddress(kind="alone", hosts=(("::1", 7000),), database=3)),
        (
            "rediss://idp:p%40ss@redis.bank.example?ssl_ca_certs=/ca.pem",
            RedisAddress(
                kind="alone",
                hosts=(("redis.bank.example", 6379),),
                username="idp",
                password="p@ss",
                secure=True,
                options={"ssl_ca_certs": "/ca.pem"},
            ),
        ),
        (
            "redis+sentinel://:secret@s1,s2:7000/bank/2?sentinel_password=x",
            RedisAddress(
                kind="sentinel",
                hosts=(("s1", 26379), ("s2", 7000)),
                service="bank",
                database=2,
                password="secret",
                options={"sentinel_password": "x"},
            ),
        ),
        (
            "rediss+cluster://a,b:7001",
            RedisAddress(kind="cluster", hosts=(("a", 6379), ("b", 7001)), secure=True),
        ),
        ("unix:///run/redis.sock", RedisAddress(kind="alone", socket="/run/redis.sock")),
    ],
)
def test_an_address_says_where_redis_is(url: str, address: RedisAddress) -> None:
    assert read_address(url) == address


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://redis",
        "redis://",
        "redis://a,b",
        "redis://:secret-word@",
        "redis://host:port",
        "redis://host/secret-word",
        "redis://host/1/2",
        "redis://[::1",
        "redis://host?ssl_ca_certs=/ca.pem",
        "redis://host?secret-word=1",
        "redis+sentinel://host",
        "redis+cluster://host/1",
    ],
)
def test_what_is_no_address_is_refused_without_being_shown(url: str) -> None:
    with pytest.raises(UnusableAddressError) as raised:
        read_address(url)
    assert "secret-word" not in str(raised.value)


@given(st.text())
def test_any_text_is_an_address_or_refused(text: str) -> None:
    for url in (text, f"redis://{text}", f"redis+sentinel://{text}"):
        try:
            read_address(url)
        except UnusableAddressError:
            continue


def test_certificates_that_are_not_there_are_told() -> None:
    address = read_address("rediss://host?ssl_ca_certs=/nowhere/ca.pem")
    with pytest.raises(UnusableAddressError, match="certificates cannot be read"):
        address.tls()
