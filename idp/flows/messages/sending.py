"""Text messages to customers: every one is counted against its budgets *before* it is sent (bank.md 5.3).

A refused message is refused in the words of every other refusal: who pumps messages learns nothing of the limit.
"""

from __future__ import annotations

from typing import Protocol

from idp.crypto.digest import digest
from idp.model.messages.message import Carried
from idp.model.realm import Realm
from idp.model.struct import Frozen
from idp.ports import MessageUndeliveredError, SmsSender, Throttle
from idp.realms.users.phone_numbers import country_of, number_of

_HOUR = 3600
_DAY = 24 * _HOUR
_REALM = "realm"
_RANGE = 4  # digits at the end of a number: a pump sends to neighbours


class Wanted(Frozen, frozen=True, kw_only=True):
    """Who wants a message, and where to. `browser` and `network` are empty where no person is at a page."""

    number: str
    user_id: str
    browser: str = ""
    network: str = ""


class Refused(Frozen, frozen=True, kw_only=True):
    """A message that may not be sent: the budget that is spent, and the country, for whoever watches the numbers."""

    budget: str
    country: str

    @property
    def detail(self) -> dict[str, str]:
        """Return what an event says of it."""
        return {"budget": self.budget, "country": self.country}


class Budget(Protocol):
    """A way to count a message before it is sent."""

    async def __call__(
        self, throttle: Throttle, realm: Realm, wanted: Wanted, *, per_hour: int, per_day: int
    ) -> Refused | None:
        """Return why the message may not be sent, or None."""


class MessageRefusedError(MessageUndeliveredError):
    """A message that may not be sent, for want of budget."""

    def __init__(self, refused: Refused) -> None:
        super().__init__(f"the budget “{refused.budget}” is spent")
        self.refused = refused


async def refused_by_budget(
    throttle: Throttle, realm: Realm, wanted: Wanted, *, per_hour: int, per_day: int
) -> Refused | None:
    """Count a message that a person asks for; return why it may not be sent, or None.

    Narrow budgets come first: what they refuse is not spent of the wide ones, or one person could use up the bank's.
    """
    if not _is_served(realm, wanted.number):
        return _refused("prefix", wanted)
    refused = await refused_by_person(throttle, realm, wanted, per_hour=per_hour, per_day=per_day)
    return refused if refused is not None else await refused_by_bank(throttle, realm, wanted)


async def refused_by_person(
    throttle: Throttle, realm: Realm, wanted: Wanted, *, per_hour: int, per_day: int
) -> Refused | None:
    """Count a message against what belongs to who asks, and to the number: nothing of it tells whose number that is."""
    policy = realm.sms
    hit = throttle.hit
    number = digest(wanted.number)
    if wanted.browser and not await hit(
        "sms-browser-hour", wanted.browser, limit=policy.per_browser_hour, window=_HOUR
    ):
        return _refused("browser", wanted)
    if wanted.network and not await hit(
        "sms-network-hour", wanted.network, limit=policy.per_network_hour, window=_HOUR
    ):
        return _refused("network", wanted)
    per_number = policy.per_number_hour or per_hour
    if not await hit("sms-number-hour", number, limit=per_number, window=_HOUR):
        return _refused("number", wanted)
    if not await hit("sms-user-hour", wanted.user_id, limit=per_hour, window=_HOUR):
        return _refused("user hour", wanted)
    if not await hit("sms-user-day", wanted.user_id, limit=per_day, window=_DAY):
        return _refused("user day", wanted)
    if not await hit("sms-range-hour", digest(wanted.number[:-_RANGE]), limit=policy.per_range_hour, window=_HOUR):
        return _refused("range", wanted)
    return None


async def refused_by_bank(throttle: Throttle, realm: Realm, wanted: Wanted) -> Refused | None:
    """Count a message against what belongs to the whole realm: its countries, its day, its money."""
    policy = realm.sms
    if not _is_served(realm, wanted.number):
        return _refused("prefix", wanted)
    country = policy.country_limit(wanted.number)
    if country is not None and not await throttle.hit("sms-country-day", country[0], limit=country[1], window=_DAY):
        return _refused("country", wanted)
    if policy.per_realm_day is not None and not await throttle.hit(
        "sms-realm-day", _REALM, limit=policy.per_realm_day, window=_DAY
    ):
        return _refused("realm", wanted)
    price = policy.price(wanted.number)
    if policy.spending_per_day is not None and not await throttle.hit(
        "sms-spending-day", _REALM, limit=policy.spending_per_day, window=_DAY, cost=price
    ):
        return _refused("spending", wanted)
    return None


async def sent_by_bank(throttle: Throttle, sms: SmsSender, realm: Realm, wanted: Wanted, text: str) -> Carried:
    """Send a message that the bank itself wants sent; raises `MessageUndeliveredError`, also if the budget is spent."""
    refused = await refused_by_bank(throttle, realm, wanted)
    if refused is not None:
        raise MessageRefusedError(refused)
    return await sms.send(to=wanted.number, text=text)


def _is_served(realm: Realm, number: str) -> bool:
    return realm.sms.serves(number) and number_of(number, kinds=realm.sms.number_kinds) is not None


def _refused(budget: str, wanted: Wanted) -> Refused:
    return Refused(budget=budget, country=country_of(wanted.number))
