"""What a realm guarantees: which sets of things lead to each acr, and whether each keeps what the acr promises.

A level of two promises two independent elements (RTS (EU) 2018/389 Art. 4(1), 9(1)): every minimal set must span two
categories *and* two channels, each element followed back to the ceremony that enrols, resets or delivers it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import msgspec

from idp.assurance.assumptions import ASSUMPTIONS
from idp.assurance.attacker import Reached, minimal_sets
from idp.assurance.ceremonies import Ceremonies, Way
from idp.assurance.credentials import PASSWORD
from idp.assurance.customers import Customer, customers_of
from idp.assurance.grants import Issue, issues
from idp.assurance.symbolic import LEVEL, SymbolicRealm
from idp.assurance.untouched import no_services
from idp.flows.assembly import AssembledRealm
from idp.flows.step import Factor
from idp.flows.strength.levels import TWO_FACTORS, acr_of
from idp.model.finding import Severity
from idp.model.realm import Realm
from idp.model.struct import Frozen
from idp.realms.loading import LoadedRealm

DELIVERY = "delivery"
"""The ceremony that is no flow: the bank sends a first password."""

ONE_CHANNEL = "F-25-2-c-i"
"""The finding of the realm file that foresees what the proof shows (`idp.realms.rules`)."""


class Element(Frozen, frozen=True, kw_only=True):
    """One thing of a set: a factor with its category and the channel by which it is proven."""

    name: str
    category: str
    channel: str


class Ceremony(Frozen, frozen=True, kw_only=True):
    """One step of the script that leads from a set to a level: what is proven in it, and what it gives.

    `places` are the ids of the executions that `steps` names. `assumes` says which answers it needs to what the realm
    file does not know (roles, attributes, networks).
    """

    kind: str
    flow: str
    steps: tuple[str, ...]
    proven: tuple[str, ...]
    gives: tuple[str, ...]
    places: tuple[str, ...] = ()
    assumes: tuple[str, ...] = ()


class MinimalSet(Frozen, frozen=True, kw_only=True):
    """What suffices for an acr against some customers, and what is weak about it (nothing, if `weakness` is empty).

    `acknowledged`: the weakness is the one finding that a bank may decide to live with, and the file says it has.
    """

    acr: str
    level: int
    elements: tuple[Element, ...]
    customers: tuple[str, ...]
    script: tuple[Ceremony, ...]
    weakness: str = ""
    acknowledged: bool = False

    @property
    def names(self) -> frozenset[str]:
        """The names of the elements."""
        return frozenset(element.name for element in self.elements)


class Proof(Frozen, frozen=True, kw_only=True):
    """The answer. `unsound` are paths that pass without evidence; `unreachable` are acr that nobody can be given.

    `issues` says by which grants each client gets tokens, and on what they rest. `kinds` names the customers explored.
    """

    realm: str
    version: str
    sets: tuple[MinimalSet, ...]
    unsound: tuple[Ceremony, ...]
    unreachable: tuple[str, ...]
    states: int
    customers: int
    kinds: tuple[str, ...]
    issues: tuple[Issue, ...] = ()
    assumptions: tuple[str, ...] = ASSUMPTIONS

    @property
    def weak(self) -> tuple[MinimalSet, ...]:
        """The sets that do not keep what their acr promises, the acknowledged ones among them."""
        return tuple(found for found in self.sets if found.weakness)

    @property
    def holds(self) -> bool:
        """Tell whether nothing was found against the realm but what the bank has acknowledged."""
        return not self.unsound and all(found.acknowledged for found in self.weak)


class Proved(NamedTuple):
    """A proof with everything that it was found by: what a certificate and the scripts are made of."""

    loaded: LoadedRealm
    assembled: AssembledRealm
    ceremonies: Ceremonies
    customers: tuple[Customer, ...]
    proof: Proof


def prove(loaded: LoadedRealm, progress: Callable[[int, int], None] | None = None) -> Proof:
    """Explore a realm; `progress` is told how many of how many kinds of customers are done.

    Raises:
        UnusableRealmError: its flows do not compile, so that there is nothing that would run.

    """
    return explore(loaded, progress).proof


def explore(loaded: LoadedRealm, progress: Callable[[int, int], None] | None = None) -> Proved:
    """Do as `prove`, and return what was explored beside the proof."""
    realm = loaded.realm
    assembled = SymbolicRealm(realm, no_services())
    ceremonies = Ceremonies(assembled)
    customers = tuple(customers_of(assembled, loaded.users))
    found: list[tuple[Customer, Reached]] = []
    for done, customer in enumerate(customers, start=1):
        found += [(customer, reached) for reached in minimal_sets(ceremonies, customer)]
        if progress is not None:
            progress(done, len(customers))
    sets = tuple(_merged(realm, ceremonies.factors(), found, acknowledged=_acknowledged(loaded)))
    levels = {one.level for one in sets}
    proof = Proof(
        realm=realm.name,
        version=realm.version,
        sets=sets,
        unsound=tuple(_unsound(ceremonies, customers)),
        unreachable=tuple(a for a, needed in realm.acr_levels.items() if needed > max(levels, default=0)),
        states=ceremonies.explored,
        customers=len(customers),
        kinds=tuple(customer.name for customer in customers),
        issues=tuple(issues(assembled)),
    )
    return Proved(loaded=loaded, assembled=assembled, ceremonies=ceremonies, customers=customers, proof=proof)


def new_access(live: Proof, draft: Proof) -> tuple[MinimalSet, ...]:
    """Return the sets of a draft that suffice against customers against whom no part of them sufficed for that level.

    Each set names those customers alone: what a newcomer may enrol with is new where it opens the account of somebody
    who has enrolled. A kind of customer that the live realm does not know is compared with all of them. Levels are
    compared, not names of acr: a draft that only renames gives no new access.
    """
    known = frozenset(live.kinds)

    def is_new(one: MinimalSet, customer: str) -> bool:
        return not any(
            other.level >= one.level and other.names <= one.names
            for other in live.sets
            if customer in other.customers or customer not in known
        )

    against = ((one, tuple(c for c in one.customers if is_new(one, c))) for one in draft.sets)
    return tuple(msgspec.structs.replace(one, customers=customers) for one, customers in against if customers)


def _merged(
    realm: Realm, factors: dict[str, Factor], found: Iterable[tuple[Customer, Reached]], *, acknowledged: bool
) -> Iterator[MinimalSet]:
    """Yield each set once, with all the customers against whom it suffices and one script as the example."""
    together: dict[tuple[int, frozenset[str]], list[tuple[Customer, Reached]]] = {}
    for customer, reached in found:
        together.setdefault((reached.level, reached.holding), []).append((customer, reached))
    for (level, holding), cases in sorted(together.items(), key=lambda item: (item[0][0], sorted(item[0][1]))):
        elements = tuple(_element(factors[name]) for name in sorted(holding))
        weakness = _weakness(level, elements)
        by_delivery = all({customer.delivered_by} == holding for customer, _ in cases)
        yield MinimalSet(
            acr=acr_of(realm, level),
            level=level,
            elements=elements,
            customers=tuple(dict.fromkeys(customer.name for customer, _ in cases)),
            script=(*_delivery(*cases[0]), *(_ceremony(way) for way in cases[0][1].script)),
            weakness=weakness,
            acknowledged=bool(weakness) and acknowledged and by_delivery,
        )


def _element(factor: Factor) -> Element:
    return Element(name=factor.name, category=factor.category.value, channel=factor.channel)


def _ceremony(way: Way) -> Ceremony:
    return Ceremony(
        kind=way.kind,
        flow=way.flow,
        steps=way.steps,
        proven=tuple(sorted(way.needs)),
        gives=(*sorted(way.made), *([f"level {way.level}"] if way.level is not None else [])),
        places=way.places,
        assumes=tuple(_assumed(*one) for one in way.assumes),
    )


def _assumed(question: str, answer: int) -> str:
    return f"{question}: {answer}" if question == LEVEL else f"{question}: {'yes' if answer else 'no'}"


def _delivery(customer: Customer, reached: Reached) -> Iterator[Ceremony]:
    """Yield how the first password came into the hands of whoever reads the channel that brought it."""
    if customer.delivered_by is not None and customer.delivered_by in reached.holding:
        yield Ceremony(
            kind=DELIVERY, flow="", steps=("first password",), proven=(customer.delivered_by,), gives=(PASSWORD,)
        )


def _acknowledged(loaded: LoadedRealm) -> bool:
    return any(f.rule == ONE_CHANNEL and f.severity is Severity.ACKNOWLEDGED for f in loaded.findings)


def _weakness(level: int, elements: tuple[Element, ...]) -> str:
    wanted = min(level, TWO_FACTORS)
    categories = {element.category for element in elements}
    channels = {element.channel for element in elements}
    if not elements:
        return "nothing at all suffices"
    if len(categories) < wanted:
        return f"one category ({', '.join(categories)}) instead of two: RTS (EU) 2018/389 Art. 4(1), 9(1)"
    if len(channels) < wanted:
        return f"one channel ({', '.join(channels)}) instead of two: RTS (EU) 2018/389 Art. 25(2)(c)(i)"
    return ""


def _unsound(ceremonies: Ceremonies, customers: tuple[Customer, ...]) -> Iterator[Ceremony]:
    seen: set[tuple[str, ...]] = set()
    for customer in customers:
        for kind, alias in ceremonies.bound():
            for way in ceremonies.through(kind, alias, customer.user).ways:
                if way.unsound and way.steps not in seen:
                    seen.add(way.steps)
                    yield _ceremony(way)
