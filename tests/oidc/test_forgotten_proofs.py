"""What may be used once, where the store lost its memory: refused as long as it could have been used before."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from idp.model.clients.assertion import KeySource
from idp.ports import StoreUnavailableError
from idp.stores import placement
from idp.stores.memory import MemoryKernel
from idp.stores.placement import is_brief
from idp.stores.records import KernelStore
from idp.stores.verbs.once import CLOCKS_APART
from tests.fakes import FakeClock
from tests.oidc.decoupled import test_backchannel as backchannel
from tests.oidc.grants import test_jwt_bearer as bearer
from tests.oidc.harness import PATH, Bank, credentials
from tests.oidc.proofs import proof
from tests.oidc.signers import JWKS, asserting, claims, signed, staff

pytestmark = pytest.mark.anyio
AHEAD = 30  # seconds that a client's clock may be ahead

Ask = Callable[[Bank, int], Awaitable[httpx.Response]]


class ForgetfulKernel(MemoryKernel):
    """A memory that lost, at `forgotten_at`, what lives minutes."""

    forgotten_at = 0.0

    def forgot_at(self, kind: str) -> float:
        return self.forgotten_at if is_brief(kind) else 0.0


async def _assertion(bank: Bank, made_at: int) -> httpx.Response:
    return await bank.post("token", asserting(signed(claims(bank, iat=made_at, exp=made_at + 60))))


async def _undated_assertion(bank: Bank, made_at: int) -> httpx.Response:
    # Without `iat` it could have been used as early as its longest life before its end.
    return await bank.post("token", asserting(signed(claims(bank, iat=None, exp=made_at - AHEAD + 60))))


async def _dpop(bank: Bank, made_at: int) -> httpx.Response:
    form = {"grant_type": "client_credentials", **credentials("app")}
    return await bank.http.post(PATH + "token", data=form, headers={"DPoP": proof(bank, iat=made_at)})


async def _bearer(bank: Bank, made_at: int) -> httpx.Response:
    return await bearer.granted(bank, signed(bearer.claims(bank, iat=made_at, exp=made_at + 60)))


async def _backchannel(bank: Bank, made_at: int) -> httpx.Response:
    made: dict[str, Any] = {"iat": made_at, "nbf": made_at, "exp": made_at + 300}
    return await backchannel.ask_signed(bank, signed(backchannel.claims(bank, **made)))


@pytest.mark.parametrize("ask", [_assertion, _undated_assertion, _dpop, _bearer, _backchannel])
async def test_what_could_have_been_used_before_is_refused_and_nothing_else(clock: FakeClock, ask: Ask) -> None:
    kernel = ForgetfulKernel(clock)
    bank = staff(Bank(clock, store=KernelStore(kernel, clock), assertion_issuers={bearer.BRANCH: bearer.TRUSTED}))
    bank.change_client(
        "app",
        service_account=True,
        assertion_issuers=("branch",),
        backchannel=backchannel.ON,
        keys=KeySource(jwks=JWKS),
    )
    await bank.customer()
    made_at = int(clock())
    clock.advance(5)  # A client whose clock is ahead made it before now.
    kernel.forgotten_at = float(made_at - AHEAD - CLOCKS_APART)
    reply = await ask(bank, made_at)
    assert (reply.status_code, reply.json()["error"]) == (503, "temporarily_unavailable")
    assert reply.headers["retry-after"]
    assert (await ask(bank, made_at + 1)).status_code == 200, reply.text
    kernel.forgotten_at = 0.0
    assert (await ask(bank, made_at)).status_code == 200


def test_each_purpose_of_a_few_minutes_is_asked_here() -> None:
    brief = {kind for kind in placement._KINDS if kind.startswith("first-use/")}
    assert brief == {
        "first-use/client-assertion",
        "first-use/dpop-proof",
        "first-use/backchannel-request",
        "first-use/jwt-bearer-assertion",
    }


async def test_what_is_refused_because_it_was_forgotten_is_not_spent(clock: FakeClock) -> None:
    kernel = ForgetfulKernel(clock)
    kernel.forgotten_at = clock()
    stores = KernelStore(kernel, clock).realm("bank")
    with pytest.raises(StoreUnavailableError):
        await stores.first_use.first_use("dpop-proof", "name", ttl=60, usable_since=int(clock()))
    assert not await stores.first_use.seen("dpop-proof", "name")
