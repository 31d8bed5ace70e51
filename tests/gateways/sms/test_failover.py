"""Two gateways: the second where the first one fails, in which order, and never both by accident."""

from __future__ import annotations

from typing import Any

import pytest

from idp.gateways.sms.failover import Failover, FailoverPolicy
from idp.model.messages.message import Carried
from idp.ports import MessageUndeliveredError
from tests.fakes import FakeClock
from tests.stories.settled import logging_to

pytestmark = pytest.mark.anyio
DOWN = MessageUndeliveredError("the gateway answered 503")
UNSURE = MessageUndeliveredError("the gateway does not answer", perhaps_sent=True)
NOT_THIS = MessageUndeliveredError("the gateway answered 400", of_message=True)


class Scripted:
    """A gateway that fails with `failure` for as long as there is one."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.failure: MessageUndeliveredError | None = None
        self.asked = 0

    async def send(self, *, to: str, text: str) -> Carried:
        self.asked += 1
        if self.failure is not None:
            raise self.failure
        return Carried(gateway=self.name, message_id=f"{to}{text}")


class Pair:
    """Two gateways, what is logged of them, and a clock."""

    def __init__(self, **policy: Any) -> None:
        self.main, self.spare = Scripted("main"), Scripted("spare")
        self.clock = FakeClock()
        self.lines: list[dict[str, Any]] = []
        self.both = Failover(
            [("main", self.main), ("spare", self.spare)],
            policy=FailoverPolicy(**policy),
            clock=self.clock,
            log=logging_to(self.lines.append),
        )

    async def carrier(self) -> str:
        return (await self.both.send(to="+355692000101", text="481516")).gateway


async def test_the_main_gateway_carries_what_it_can() -> None:
    pair = Pair()
    assert [await pair.carrier() for _ in range(3)] == ["main"] * 3
    assert pair.spare.asked == 0


@pytest.mark.parametrize("failure", [DOWN, NOT_THIS])
async def test_the_spare_one_carries_what_the_main_one_refuses(failure: MessageUndeliveredError) -> None:
    pair = Pair()
    pair.main.failure = failure
    assert await pair.carrier() == "spare"


async def test_a_message_that_may_be_on_its_way_is_not_sent_again() -> None:
    pair = Pair()
    pair.main.failure = UNSURE
    with pytest.raises(MessageUndeliveredError):
        await pair.carrier()
    assert pair.spare.asked == 0


async def test_it_is_sent_again_where_the_operator_wants_that() -> None:
    pair = Pair(resend_when_unsure=True)
    pair.main.failure = UNSURE
    assert await pair.carrier() == "spare"


async def test_where_both_fail_the_message_is_not_sent() -> None:
    pair = Pair()
    pair.main.failure = pair.spare.failure = DOWN
    with pytest.raises(MessageUndeliveredError):
        await pair.carrier()
    assert (pair.main.asked, pair.spare.asked) == (1, 1)


async def test_after_three_failures_in_a_row_nobody_waits_for_the_main_gateway() -> None:
    pair = Pair()
    pair.main.failure = DOWN
    for _ in range(5):
        await pair.carrier()
    assert pair.main.asked == 3
    assert pair.lines[-1]["paused"] is True


async def test_an_unsure_gateway_is_paused_too_so_that_the_next_customer_is_served() -> None:
    pair = Pair()
    pair.main.failure = UNSURE
    for _ in range(3):
        with pytest.raises(MessageUndeliveredError):
            await pair.carrier()
    assert await pair.carrier() == "spare"


async def test_a_success_between_makes_the_count_begin_again() -> None:
    pair = Pair()
    for failure in (DOWN, DOWN, None, DOWN, DOWN, None):
        pair.main.failure = failure
        await pair.carrier()
    assert pair.main.asked == 6


async def test_after_the_pause_one_message_tries_and_success_brings_the_gateway_back() -> None:
    pair = Pair(pause=60)
    pair.main.failure = DOWN
    for _ in range(3):
        await pair.carrier()
    pair.clock.advance(59)
    await pair.carrier()
    assert pair.main.asked == 3
    pair.clock.advance(1)
    await pair.carrier()
    await pair.carrier()
    assert pair.main.asked == 4, "one try, and a new pause"
    pair.clock.advance(60)
    pair.main.failure = None
    assert [await pair.carrier() for _ in range(2)] == ["main"] * 2


async def test_a_gateway_that_does_not_take_one_number_is_not_paused_for_all() -> None:
    pair = Pair()
    pair.main.failure = NOT_THIS
    for _ in range(5):
        await pair.carrier()
    assert pair.main.asked == 5


async def test_where_both_are_paused_they_are_tried_all_the_same() -> None:
    pair = Pair(failures=1)
    pair.main.failure = pair.spare.failure = DOWN
    with pytest.raises(MessageUndeliveredError):
        await pair.carrier()
    pair.spare.failure = None
    assert await pair.carrier() == "spare"


async def test_what_is_logged_of_a_failure_names_the_gateway_and_neither_number_nor_text() -> None:
    pair = Pair()
    pair.main.failure = DOWN
    await pair.carrier()
    (line,) = pair.lines
    assert (line["gateway"], line["level"]) == ("main", "warning")
    assert "355692" not in repr(line)
    assert "481516" not in repr(line)
