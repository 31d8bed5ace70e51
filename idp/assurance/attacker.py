"""What somebody must hold to reach each level: the minimal sets, each with the ceremonies that lead there.

The attacker holds what they hold for as long as they like, knows every user name, and may go through every ceremony of
the realm in any order; what a ceremony gives them (a password they chose, a token they enrolled) they hold too.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from idp.assurance.ceremonies import Ceremonies, Way
from idp.assurance.credentials import PASSWORD, customer_key, has
from idp.assurance.customers import Customer
from idp.model.struct import Frozen
from idp.model.user import User


class Reached(Frozen, frozen=True, kw_only=True):
    """A minimal set: with `holding`, and nothing less of it, the level is reached, by the ceremonies of `script`."""

    level: int
    holding: frozenset[str]
    script: tuple[Way, ...]


def minimal_sets(ceremonies: Ceremonies, customer: Customer) -> tuple[Reached, ...]:
    """Return the minimal sets for every level above zero, smallest first."""
    found: list[Reached] = []
    for holding in _holdings(ceremonies, customer):
        for level, script in sorted(reachable(ceremonies, customer, holding).items()):
            if not any(r.level == level and r.holding <= holding for r in found):
                found.append(Reached(level=level, holding=holding, script=script))
    return tuple(found)


def _holdings(ceremonies: Ceremonies, customer: Customer) -> Iterator[frozenset[str]]:
    names = sorted(name for name in ceremonies.factors() if has(customer.user, name))
    for size in range(len(names) + 1):
        yield from map(frozenset, combinations(names, size))


def reachable(ceremonies: Ceremonies, customer: Customer, holding: frozenset[str]) -> dict[int, tuple[Way, ...]]:
    """Return the levels that a holding reaches, each with its script; level zero is no level."""
    known = holding
    if customer.delivered_by is not None and customer.delivered_by in holding:
        known |= {PASSWORD}  # whoever reads that channel has read the first password
    levels: dict[int, tuple[Way, ...]] = {}
    first = _Stage(user=customer.user, who=customer_key(customer.user), held=known)
    seen = {first.key}
    waiting = [first]
    for stage in waiting:  # grows while it is read
        for way in _open(ceremonies, stage):
            taken = (*stage.script, way)
            for level in (one for one in ceremonies.levels() if one <= (way.level or 0)):
                levels.setdefault(level, taken)
            after = _Stage(
                user=way.after,
                who=way.who,
                held=stage.held | way.made,
                said=stage.said | _of_customer(way),
                script=taken,
            )
            if after.key not in seen:
                seen.add(after.key)
                waiting.append(after)
    return levels


class _Stage(Frozen, frozen=True, kw_only=True):
    """Between two ceremonies: the customer, what the attacker holds, what was assumed of the customer, the way here."""

    user: User
    who: object
    held: frozenset[str]
    said: frozenset[tuple[str, int]] = frozenset()
    script: tuple[Way, ...] = ()

    @property
    def key(self) -> object:
        return (self.who, self.held, self.said)


def _of_customer(way: Way) -> frozenset[tuple[str, int]]:
    return frozenset(answer for answer in way.assumes if answer[0].startswith("customer"))


def _open(ceremonies: Ceremonies, stage: _Stage) -> Iterator[Way]:
    """Yield the ways that the attacker can go; nobody has a role in one ceremony and lacks it in another."""
    for kind, alias in ceremonies.bound():
        for way in ceremonies.through(kind, alias, stage.user, stage.who).ways:
            said = stage.said | _of_customer(way)
            if way.needs <= stage.held and len(dict(said)) == len(said):
                yield way
