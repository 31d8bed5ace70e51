"""Whether what lies in a store fits together: every claim has its user, every line of a history its document.

No verb of the ports leaves such a thing behind. A disk, a copy by hand or a restored half can.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping

import msgspec

from idp.model.clients.logout import LogoutDelivery
from idp.model.struct import Frozen
from idp.model.user import User
from idp.model.version import Publication
from idp.stores.portable import KeptRecord, Portable
from idp.stores.upkeep.copying import EVENTS, every_event, every_record
from idp.stores.verbs.deliveries import StoredDelivery
from idp.stores.verbs.user_terms import TERM
from idp.stores.verbs.users import claims_of

MOST_TOLD = 100
"""How many problems are named; the rest are counted."""

Progress = Callable[[int], None]


class Checked(Frozen, frozen=True, kw_only=True):
    """What was found: how many of each kind in each realm, and what does not fit."""

    counts: Mapping[tuple[str, str], int]
    problems: tuple[str, ...]
    more: int
    """Problems beyond those that are named."""


class _Problems:
    def __init__(self) -> None:
        self.told: list[str] = []
        self.more = 0

    def tell(self, record: KeptRecord, problem: str) -> None:
        if len(self.told) < MOST_TOLD:
            self.told.append(f"{record.realm}: {record.kind} {record.key!r}: {problem}")
        else:
            self.more += 1


async def checked(kernel: Portable, *, now: float, progress: Progress) -> Checked:
    """Read every record that is live at `now`, and hold it against those that it names."""
    counts: Counter[tuple[str, str]] = Counter()
    problems = _Problems()
    async for record in every_record(kernel, now=now):
        counts[record.kind, record.realm] += 1
        rule = _RULES.get(record.kind)
        try:
            problem = None if rule is None else await rule(kernel, record)
        except msgspec.DecodeError:
            problem = "cannot be read"
        if problem is not None:
            problems.tell(record, problem)
        progress(counts.total())
    for of_realm, number in _numbers(counts).items():
        kept = await kernel.get("registered-client-number", of_realm, "")
        if kept is None or msgspec.msgpack.decode(kept) != number:
            name = KeptRecord(kind="registered-client-number", realm=of_realm, key="", value=b"")
            problems.tell(name, f"is not the number of registered clients ({number})")
    async for event in every_event(kernel):
        counts[EVENTS, event.realm] += 1
        progress(counts.total())
    return Checked(counts=counts, problems=tuple(problems.told), more=problems.more)


def _numbers(counts: Mapping[tuple[str, str], int]) -> Mapping[str, int]:
    return {realm: number for (kind, realm), number in counts.items() if kind == "registered-client"}


async def _user(kernel: Portable, record: KeptRecord) -> str | None:
    user = msgspec.msgpack.decode(record.value, type=User)
    for kind, key in claims_of(user):
        if await _text(kernel, kind, record.realm, key) != user.id:
            return f"the {kind} is not claimed for this user"
    return None if user.id == record.key else "has the id of another user"


async def _claim(kernel: Portable, record: KeptRecord) -> str | None:
    user_id = msgspec.msgpack.decode(record.value, type=str)
    value = await kernel.get("user", record.realm, user_id)
    if value is None:
        return f"is claimed for {user_id!r}, who does not exist"
    claims = claims_of(msgspec.msgpack.decode(value, type=User))
    return None if (record.kind, record.key) in claims else f"is claimed for {user_id!r}, who has another one"


async def _delivery(kernel: Portable, record: KeptRecord) -> str | None:
    delivery: LogoutDelivery = msgspec.msgpack.decode(record.value, type=StoredDelivery).delivery
    found = await _text(kernel, "logout-delivery-place", record.realm, delivery.id)
    return None if found == record.key else "is not found by its id"


async def _publication(kernel: Portable, record: KeptRecord) -> str | None:
    line = msgspec.msgpack.decode(record.value, type=Publication)
    found = await kernel.get("realm-version", record.realm, line.version)
    return None if found is not None else f"the document of version {line.version} is not there"


async def _text(kernel: Portable, kind: str, realm: str, key: str) -> str | None:
    value = await kernel.get(kind, realm, key)
    return None if value is None else msgspec.msgpack.decode(value, type=str)


_Rule = Callable[[Portable, KeptRecord], Awaitable[str | None]]
_RULES: Mapping[str, _Rule] = {
    "user": _user,
    "username": _claim,
    "identity": _claim,
    TERM: _claim,
    "logout-delivery": _delivery,
    "realm-publication": _publication,
    "latest-realm-publication": _publication,
}
