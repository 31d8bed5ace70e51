"""Client-Cert (RFC 9440): believed from a trusted proxy, invented by everybody else."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.web.client_certificates import ClientCertificates
from idp.web.http import Request, Scope
from tests.certificates import Holder, authority, issued

pytestmark = pytest.mark.anyio
CA = authority()
MIDDLE = authority("CN=Middle", by=CA)
CLIENT = issued(by=MIDDLE)
PROXY = issued("CN=proxy")
NETWORKS = ["10.0.0.0/24"]


def told(der: bytes) -> bytes:
    return b":" + base64.b64encode(der) + b":"


async def passed(
    *headers: tuple[bytes, bytes],
    peer: str | None = "10.0.0.1",
    networks: list[str] = NETWORKS,
    own: Holder | None = None,
) -> Scope:
    scopes: list[Scope] = []

    async def inner(scope: Scope, _receive: Any, _send: Any) -> None:
        scopes.append(scope)

    scope: Scope = {
        "type": "http",
        "method": "POST",
        "path": "/",
        "headers": [(b"host", b"id.bank.al"), *headers],
        "client": (peer, 1234) if peer is not None else None,
    }
    if own is not None:
        scope["extensions"] = own.scope()
    await ClientCertificates(inner, networks=networks)(scope, _nothing, _nothing)
    return scopes[0]


async def _nothing(*_: Any) -> Any:
    raise AssertionError("nothing is read or sent")


async def seen(*headers: tuple[bytes, bytes], **options: Any) -> tuple[bytes, ...]:
    return Request(await passed(*headers, **options)).client_certificates


async def test_a_trusted_proxy_says_who_the_client_is() -> None:
    assert await seen((b"client-cert", told(CLIENT.der))) == (CLIENT.der,)


async def test_a_trusted_proxy_may_pass_on_what_vouches_for_the_certificate() -> None:
    chain = told(MIDDLE.der) + b", " + told(CA.der)
    one = await seen((b"client-cert", told(CLIENT.der)), (b"client-cert-chain", chain))
    several = await seen(
        (b"client-cert", told(CLIENT.der)),
        (b"client-cert-chain", told(MIDDLE.der)),
        (b"client-cert-chain", told(CA.der)),
    )
    assert one == several == (CLIENT.der, MIDDLE.der, CA.der)


@pytest.mark.parametrize("peer", ["203.0.113.9", "10.0.1.1", "unix:", None])
async def test_nobody_else_is_believed(peer: str | None) -> None:
    assert await seen((b"client-cert", told(CLIENT.der)), peer=peer) == ()


async def test_without_trusted_proxies_nobody_is_believed() -> None:
    assert await seen((b"client-cert", told(CLIENT.der)), networks=[]) == ()


async def test_a_forged_header_does_not_replace_the_certificate_of_the_connection() -> None:
    assert await seen((b"client-cert", told(CLIENT.der)), peer="203.0.113.9", own=PROXY) == (PROXY.der,)


@pytest.mark.parametrize("headers", [(), ((b"client-cert", b"nonsense"),)])
async def test_the_proxys_own_certificate_is_nobody_elses(headers: tuple[tuple[bytes, bytes], ...]) -> None:
    assert await seen(*headers, own=PROXY) == ()


@pytest.mark.parametrize("peer", ["10.0.0.1", "203.0.113.9"])
async def test_the_headers_go_no_further(peer: str) -> None:
    headers = ((b"client-cert", told(CLIENT.der)), (b"client-cert-chain", told(CA.der)))
    assert (await passed(*headers, peer=peer))["headers"] == [(b"host", b"id.bank.al")]


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"::", id="no bytes"),
        pytest.param(base64.b64encode(CLIENT.der), id="without colons"),
        pytest.param(b":%%%:", id="no base64"),
        pytest.param(b":YQ:", id="without padding"),
        pytest.param(b":Y===:", id="too much padding"),
        pytest.param(told(CLIENT.der) + b";a=1", id="with a parameter"),
        pytest.param(told(CLIENT.der) + b", " + told(CA.der), id="two certificates"),
        pytest.param(CLIENT.pem.replace("\n", " ").encode(), id="PEM"),
    ],
)
async def test_what_is_not_exactly_one_certificate_is_none(value: bytes) -> None:
    assert await seen((b"client-cert", value)) == ()


async def test_two_headers_are_two_certificates_and_so_none() -> None:
    assert await seen((b"client-cert", told(CLIENT.der)), (b"client-cert", told(PROXY.der))) == ()


@pytest.mark.parametrize("chain", [b"nonsense", told(CA.der) + b",", b", ".join([told(CA.der)] * 9)])
async def test_a_chain_that_is_unreadable_or_endless_is_left_out(chain: bytes) -> None:
    assert await seen((b"client-cert", told(CLIENT.der)), (b"client-cert-chain", chain)) == (CLIENT.der,)


@given(value=st.binary(max_size=60), chain=st.binary(max_size=60))
async def test_whatever_the_headers_are_they_do_no_harm(value: bytes, chain: bytes) -> None:
    assert len(await seen((b"client-cert", value), (b"client-cert-chain", chain))) <= 9
