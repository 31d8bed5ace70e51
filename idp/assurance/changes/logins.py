"""What two versions ask of customers: the flows of each client, as the engine runs them, compared by what they take."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from idp.assurance.changes.change import Change, Direction, Topic
from idp.assurance.credentials import CREDENTIALS, PASSWORD, given
from idp.assurance.customers import spoken_of
from idp.assurance.prover import Proved
from idp.flows.step import Factor
from idp.flows.tree import bare
from idp.model.client import Client
from idp.model.flow_kind import FlowKind
from idp.model.realm import Realm
from idp.model.struct import Frozen
from idp.model.user import User

WEAKER, STRONGER, NEUTRAL = Direction.WEAKER, Direction.STRONGER, Direction.NEUTRAL
Sets = frozenset[frozenset[str]]

NAMES = {
    "password": "the password",
    "otp": "TOTP",
    "sms-otp": "an SMS code",
    "email": "a code by e-mail",
    "recovery-authn-codes": "a recovery code",
    "webauthn": "a security key",
    "webauthn-passwordless": "a passkey",
    "user-verification": "its unlocking",
    "federated": "a login at another provider",
}
"""What a sentence calls a factor; each that the prover follows has a name."""

_STRENGTHS = {"authenticator": 4, "soft-token": 3, "sms": 1, "email": 0}
"""How hard a possession is to take over, by its channel: NIST SP 800-63B-4 §3.1.3 restricts codes by telephone."""
_ORDINARY = 2
_KINDS = {
    FlowKind.REGISTRATION: "the registration of customers",
    FlowKind.SOFT_TOKEN_REGISTRATION: "the registration of a soft token",
    FlowKind.RESET_CREDENTIALS: "the way back of somebody who forgot a password",
}


class Group(Frozen, frozen=True, kw_only=True):
    """Clients whose customers go through the same before, and the same after."""

    clients: tuple[str, ...]
    before: str
    after: str

    @property
    def subject(self) -> str:
        """The client, if it is one."""
        return self.clients[0] if len(self.clients) == 1 else ""

    @property
    def named(self) -> str:
        """The clients as a sentence names them."""
        if len(self.clients) == 1:
            return f"client {self.clients[0]}"
        return f"clients {', '.join(self.clients[:-1])} and {self.clients[-1]}"


def login_changes(before: Proved, after: Proved) -> Iterator[Change]:
    """Yield what changed for customers, by clients, and at the doors that no client opens."""
    for group in _groups(before, after):
        yield from _of_group(before, after, group)
    for client_id in before.loaded.realm.clients.keys() & after.loaded.realm.clients.keys():
        yield from _of_minimum(before.loaded.realm, after.loaded.realm, client_id)
    yield from _of_levels(before.loaded.realm, after.loaded.realm)
    yield from _of_doors(before, after)


def _groups(before: Proved, after: Proved) -> Sequence[Group]:
    found: dict[tuple[str, str], list[str]] = {}
    for client in before.loaded.realm.clients.values():
        changed = after.loaded.realm.client(client.client_id)
        if not client.enabled or changed is None:
            continue
        flows = before.assembled.flow_for(FlowKind.BROWSER, client), after.assembled.flow_for(FlowKind.BROWSER, changed)
        if flows[0] is None or flows[1] is None or bare(flows[0].root) == bare(flows[1].root):
            continue
        found.setdefault((flows[0].alias, flows[1].alias), []).append(client.client_id)
    return [Group(clients=tuple(sorted(ids)), before=was, after=now) for (was, now), ids in sorted(found.items())]


def _of_group(before: Proved, after: Proved, group: Group) -> Iterator[Change]:
    told = list(_of_factors(before, after, group))
    sessions = [v.assembled.flows[a].allows_sso() for v, a in ((before, group.before), (after, group.after))]
    if sessions[0] != sessions[1]:
        may = "may now answer" if sessions[1] else "no longer answers"
        told.append(
            _change(group, WEAKER if sessions[1] else STRONGER, f"A session made elsewhere {may} for {group.named}")
        )
    if not told:
        told.append(_change(group, NEUTRAL, f"The login of {group.named} has other steps, and takes the same"))
    yield from told


def _of_factors(before: Proved, after: Proved, group: Group) -> Iterator[Change]:
    optional = (spoken_of(before.assembled) | spoken_of(after.assembled)) - {PASSWORD}
    said: set[tuple[Sets, Sets]] = set()
    without = {name for name in optional if CREDENTIALS[name].from_the_start}
    for whose, names in (("A customer who has everything", optional), ("A customer without a device", without)):
        user = _customer(names)
        was = sets_of(before, FlowKind.BROWSER, group.before, user)
        now = sets_of(after, FlowKind.BROWSER, group.after, user)
        if was == now or (was, now) in said:
            continue
        said.add((was, now))
        direction = compared(was, now, {**before.ceremonies.factors(), **after.ceremonies.factors()})
        if names is optional:
            yield from _required(group, was, now, direction)
        yield _change(group, direction, _login_text(whose, group, was, now))


def _login_text(whose: str, group: Group, was: Sets, now: Sets) -> str:
    if not was:
        return f"{whose} can log in to {group.named} now, with {ways_text(now)}"
    if not now:
        return f"{whose} can no longer log in to {group.named}, formerly with {ways_text(was)}"
    return f"{whose} logs in to {group.named} with {ways_text(now)} instead of {ways_text(was)}"


def _required(group: Group, was: Sets, now: Sets, direction: Direction) -> Iterator[Change]:
    """Yield which factors nobody gets around any more, and which can be got around now."""
    if not was or not now:
        return
    before, after = frozenset.intersection(*was), frozenset.intersection(*now)
    for name in sorted(before - after):
        known = NEUTRAL if direction is STRONGER else direction
        yield _change(group, known, f"{_beginning(name)} is no longer required for {group.named}")
    for name in sorted(after - before):
        known = STRONGER if direction is STRONGER else NEUTRAL
        yield _change(group, known, f"{_beginning(name)} is now required for {group.named}")


def sets_of(version: Proved, kind: FlowKind, alias: str, user: User) -> Sets:
    """Return the smallest sets of factors that lead a customer through a flow; none, if nobody gets through."""
    ways = version.ceremonies.through(kind, alias, user).ways
    ends = {way.needs for way in ways if way.level is not None or (not kind.ends_in_session and way.made)}
    return frozenset(one for one in ends if not any(other < one for other in ends))


def compared(was: Sets, now: Sets, factors: dict[str, Factor]) -> Direction:
    """Tell whether less suffices than before, or more is taken; of two that were exchanged, by the weakest of each."""
    new = [one for one in now if not any(other <= one for other in was)]
    gone = [one for one in was if not any(other <= one for other in now)]
    if not (new and gone):
        return WEAKER if new else STRONGER if gone else NEUTRAL
    ranks = [min(_rank(one, factors) for one in sets) for sets in (gone, new)]
    if ranks[0] == ranks[1]:
        return NEUTRAL
    return STRONGER if ranks[1] > ranks[0] else WEAKER


def _rank(one: frozenset[str], factors: dict[str, Factor]) -> tuple[int, int]:
    found = [factors[name] for name in one]
    strengths = [_STRENGTHS.get(factor.channel, _ORDINARY) for factor in found if factor.name != PASSWORD]
    return len({factor.category for factor in found}), min(strengths, default=0)


def _of_minimum(before: Realm, after: Realm, client_id: str) -> Iterator[Change]:
    """Compare the acr below which nobody gets to a client, as levels: a new name alone is no change."""
    was, now = (_minimum(realm, realm.clients[client_id]) for realm in (before, after))
    if was != now:
        yield Change(
            topic=Topic.LOGIN,
            direction=STRONGER if now > was else WEAKER,
            text=f"Nobody gets to client {client_id} below level {now}, instead of {was}",
            subject=client_id,
        )


def _minimum(realm: Realm, client: Client) -> int:
    return realm.acr_levels.get(client.minimum_acr, 0)


def _of_levels(before: Realm, after: Realm) -> Iterator[Change]:
    for acr in sorted(before.acr_levels.keys() | after.acr_levels.keys()):
        was, now = before.acr_levels.get(acr), after.acr_levels.get(acr)
        if was == now:
            continue
        direction = NEUTRAL if was is None or now is None else STRONGER if now > was else WEAKER
        promised = [f"level {level}" if level is not None else "nothing" for level in (was, now)]
        text = f"The acr “{acr}” promises {promised[1]} instead of {promised[0]}"
        yield Change(topic=Topic.LOGIN, direction=direction, text=text)


def _of_doors(before: Proved, after: Proved) -> Iterator[Change]:
    """Compare the flows that lead to credentials: a door that opens is a way around everything else."""
    for kind in FlowKind:
        was, now = before.loaded.realm.bindings.get(kind.value), after.loaded.realm.bindings.get(kind.value)
        if kind.ends_in_session or (was is None and now is None):
            continue
        what = _KINDS.get(kind, kind.value.replace("-", " "))
        if was is None or now is None:
            direction, opened = (WEAKER, "opened") if was is None else (STRONGER, "closed")
            text = f"A way was {opened}: {what} (flow “{now if was is None else was}”)"
            yield Change(topic=Topic.RECOVERY, direction=direction, text=text)
            continue
        yield from _of_door(before, after, kind, (was, now), what)


def _of_door(before: Proved, after: Proved, kind: FlowKind, aliases: tuple[str, str], what: str) -> Iterator[Change]:
    if bare(before.assembled.flows[aliases[0]].root) == bare(after.assembled.flows[aliases[1]].root):
        return
    user = _customer((spoken_of(before.assembled) | spoken_of(after.assembled)) - {PASSWORD})
    was, now = sets_of(before, kind, aliases[0], user), sets_of(after, kind, aliases[1], user)
    if was == now:
        text = f"{what[0].upper()}{what[1:]} has other steps, and takes the same"
        yield Change(topic=Topic.RECOVERY, direction=NEUTRAL, text=text)
        return
    direction = compared(was, now, {**before.ceremonies.factors(), **after.ceremonies.factors()})
    text = f"{what[0].upper()}{what[1:]} takes {ways_text(now)} instead of {ways_text(was)}"
    yield Change(topic=Topic.RECOVERY, direction=direction, text=text)


def _customer(names: Iterable[str]) -> User:
    user = User(id="customer", username="customer", created_at=0)
    for name in (PASSWORD, *sorted(names)):
        user = given(user, name)
    return user


def ways_text(sets: Sets) -> str:
    """Return what suffices, in words."""
    ways = [" and ".join(_name(name) for name in sorted(one, key=_by_habit)) or "nothing at all" for one in sets]
    return " or ".join(sorted(ways)) if ways else "what nobody has"


def _by_habit(name: str) -> tuple[bool, str]:
    return name != PASSWORD, name


def _name(name: str) -> str:
    return NAMES.get(name, name)


def _beginning(name: str) -> str:
    text = _name(name)
    return text[0].upper() + text[1:]


def _change(group: Group, direction: Direction, text: str) -> Change:
    return Change(topic=Topic.LOGIN, direction=direction, text=text, subject=group.subject)
