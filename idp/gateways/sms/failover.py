"""Two gateways, one message: the second one where the first one fails, and never both unless the operator says so.

After several failures in a row a gateway is asked last, until its pause is over; then one message tries it again. A
message of which nobody knows whether it was sent is not sent again: a customer with the same code twice is not harmed,
but one whose second code made the first one worthless would be, and a pumped message would cost twice.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from structlog.typing import FilteringBoundLogger

from idp.model.messages.message import Carried
from idp.model.struct import Frozen
from idp.ports import Clock, MessageUndeliveredError, SmsSender


class Circuit(Frozen, frozen=True, kw_only=True):
    """How a gateway has fared: its failures in a row, and until when it is asked last."""

    failures: int = 0
    paused_until: float = 0.0


class FailoverPolicy(Frozen, frozen=True, kw_only=True):
    """When a gateway is paused, for how many seconds, and whether an unsure message is sent again."""

    failures: int = 3
    pause: int = 60
    resend_when_unsure: bool = False


def after_failure(circuit: Circuit, policy: FailoverPolicy, now: float) -> Circuit:
    """Count a failure; the one that reaches the limit, and every one after it, begins a pause."""
    failures = circuit.failures + 1
    return Circuit(failures=failures, paused_until=now + policy.pause if failures >= policy.failures else 0.0)


class Gateway:
    """One gateway and how it fares."""

    def __init__(self, name: str, sender: SmsSender) -> None:
        self.name = name
        self.sender = sender
        self.circuit = Circuit()


class Failover:
    """Implements `idp.ports.SmsSender` over gateways in the order in which they are preferred."""

    def __init__(
        self,
        gateways: Sequence[tuple[str, SmsSender]],
        *,
        policy: FailoverPolicy,
        clock: Clock,
        log: FilteringBoundLogger,
    ) -> None:
        self._gateways = [Gateway(name, sender) for name, sender in gateways]
        self._policy = policy
        self._clock = clock
        self._log = log

    async def send(self, *, to: str, text: str) -> Carried:
        """Hand the message to the first gateway that takes it, or raise what the last one raised."""
        last = MessageUndeliveredError("there is no gateway")
        for gateway in self._in_order():
            self._try_once(gateway)
            try:
                carried = await gateway.sender.send(to=to, text=text)
            except MessageUndeliveredError as error:
                self._failed(gateway, error)
                if error.perhaps_sent and not self._policy.resend_when_unsure:
                    raise
                last = error
                continue
            gateway.circuit = Circuit()
            return carried
        raise last

    def _in_order(self) -> list[Gateway]:
        # Those in a pause come last, not never: where every gateway fails, trying is better than giving up.
        now = self._clock()
        return sorted(self._gateways, key=lambda gateway: gateway.circuit.paused_until > now)

    def _try_once(self, gateway: Gateway) -> None:
        """Let only one message try a gateway whose pause is over: the others would wait for it in vain."""
        if gateway.circuit.failures >= self._policy.failures:
            gateway.circuit = msgspec.structs.replace(gateway.circuit, paused_until=self._clock() + self._policy.pause)

    def _failed(self, gateway: Gateway, error: MessageUndeliveredError) -> None:
        if not error.of_message:  # the gateway is well, only this message is not for it
            gateway.circuit = after_failure(gateway.circuit, self._policy, self._clock())
        self._log.warning(
            "sms gateway failed",
            gateway=gateway.name,
            reason=str(error),
            unsure=error.perhaps_sent,
            paused=gateway.circuit.paused_until > self._clock(),
        )
