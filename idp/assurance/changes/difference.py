"""Two configurations → everything that is different between them, and what it means."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import groupby

import msgspec

from idp.assurance.changes.change import Change, Direction, Topic
from idp.assurance.changes.leaves import Leaf, leaves_of
from idp.assurance.changes.logins import login_changes
from idp.assurance.changes.meanings import Meaning, change
from idp.assurance.changes.of_clients import CLIENT_MEANINGS
from idp.assurance.changes.of_devices import DEVICE_MEANINGS
from idp.assurance.changes.of_realms import REALM_MEANINGS
from idp.assurance.prover import MinimalSet, Proof, explore, new_access
from idp.flows.assembly import UnusableRealmError
from idp.model.struct import Frozen
from idp.realms.loading import LoadedRealm

_MEANINGS: Mapping[tuple[str, ...], Meaning] = {**REALM_MEANINGS, **CLIENT_MEANINGS, **DEVICE_MEANINGS}
_WRITTEN = {
    "authenticationFlows": "The flow",
    "authenticatorConfig": "The configuration of a step",
    "authenticationFlowBindingOverrides": "The login of its own of the client",
}
_LEVELS = frozenset({"acr.loa.map", "minimum.acr.value"})
_OF_LOGINS = frozenset({*_WRITTEN, *_LEVELS, "requiredActions"})
_IDENTIFIERS = frozenset({"id", "containerId"})
_ORDER = {Direction.WEAKER: 0, Direction.STRONGER: 1, Direction.NEUTRAL: 2}


class Difference(Frozen, frozen=True, kw_only=True):
    """What `after` is, compared with `before`. `labels` are what the two are called; `versions` are their ids.

    `unproven` says why logins were not compared, if they were not: one of the two has flows that do not compile.
    """

    realm: str
    labels: tuple[str, str]
    versions: tuple[str, str]
    changes: tuple[Change, ...]
    unproven: str = ""

    def of(self, direction: Direction) -> tuple[Change, ...]:
        """Return the changes of one direction."""
        return tuple(change for change in self.changes if change.direction is direction)

    def topics(self, direction: Direction) -> tuple[tuple[Topic, tuple[Change, ...]], ...]:
        """Return the changes of one direction by topic, in the order in which somebody reads."""
        return tuple((topic, tuple(changes)) for topic, changes in groupby(self.of(direction), key=lambda c: c.topic))

    @property
    def weaker(self) -> tuple[Change, ...]:
        """What becomes weaker."""
        return self.of(Direction.WEAKER)


def difference(
    before: LoadedRealm,
    after: LoadedRealm,
    *,
    labels: tuple[str, str],
    progress: Callable[[int, int], None] | None = None,
) -> Difference:
    """Compare two configurations; their users are left out. `progress` is told how far the exploring is (`explore`)."""
    leaves = list(leaves_of(before, after))
    changes, unproven = _of_logins(before, after, leaves, progress)
    changes += [change for leaf in leaves if leaf.path[-1] not in _IDENTIFIERS for change in _meant(leaf)]
    changes += _of_identifiers(leaf for leaf in leaves if leaf.path[-1] in _IDENTIFIERS)
    topics = list(Topic)
    return Difference(
        realm=after.realm.name,
        labels=labels,
        versions=(before.realm.version, after.realm.version),
        changes=tuple(
            sorted(dict.fromkeys(changes), key=lambda c: (_ORDER[c.direction], topics.index(c.topic), c.subject))
        ),
        unproven=unproven,
    )


def _of_logins(
    before: LoadedRealm, after: LoadedRealm, leaves: list[Leaf], progress: Callable[[int, int], None] | None
) -> tuple[list[Change], str]:
    if not any(_about_logins(leaf) for leaf in leaves):
        return [], ""
    bare = [msgspec.structs.replace(one, users=()) for one in (before, after)]
    try:
        was, now = (explore(one, progress) for one in bare)
        return [*login_changes(was, now), *_of_proofs(was.proof, now.proof)], ""
    except UnusableRealmError as error:
        return [], str(error)


def _about_logins(leaf: Leaf) -> bool:
    """Tell whether a difference can change what a login takes: a flow, a binding, a step's configuration, a level."""
    named = any(part in _OF_LOGINS for part in leaf.path)
    return named or leaf.path[-1].lower().endswith("flow") or leaf.path[0] == "clients"


def _of_proofs(before: Proof, after: Proof) -> Iterator[Change]:
    """Yield what somebody must hold for each acr, where that changed: every detour over enrolment is in it."""
    for one in new_access(before, after):
        yield _access(one, Direction.WEAKER, "now suffices")
    for one in new_access(after, before):
        yield _access(one, Direction.STRONGER, "no longer suffices")
    if before.holds != after.holds:
        direction, verdict = (Direction.STRONGER, "holds") if after.holds else (Direction.WEAKER, "fails")
        text = f"The proof of the realm {verdict} now: see idp flow prove"
        yield Change(topic=Topic.LOGIN, direction=direction, text=text)


def _access(one: MinimalSet, direction: Direction, verb: str) -> Change:
    held = " and ".join(element.name for element in one.elements) or "nothing at all"
    weakness = f" ({one.weakness})" if one.weakness else ""
    text = f"For somebody who attacks, {held} {verb} for the acr “{one.acr}” (level {one.level}){weakness}"
    return Change(topic=Topic.LOGIN, direction=direction, text=text)


def _meant(leaf: Leaf) -> Iterator[Change]:
    """Yield what a difference of the documents means; one that no rule knows is told by its place."""
    if any(part in _LEVELS for part in leaf.path):
        return  # compared as levels, with the logins
    meaning = _meaning(leaf.path)
    if meaning is not None:
        yield from meaning(leaf)
        return
    written = next((_WRITTEN[part] for part in leaf.path if part in _WRITTEN), None)
    if written is not None and len(leaf.path) > 1:
        kinds = "is new" if leaf.before is None else "is gone" if leaf.after is None else "is written otherwise"
        yield change(leaf, Topic.LOGIN, Direction.NEUTRAL, f"{written} “{leaf.path[1]}” {kinds}")
        return
    yield change(leaf, Topic.OTHER, Direction.NEUTRAL, f"{leaf.pointer} changed")


def _of_identifiers(leaves: Iterable[Leaf]) -> Iterator[Change]:
    """Yield one change for all of Keycloak's identifiers: which flow one of them binds is compared with the logins."""
    if count := sum(1 for _ in leaves):
        text = f"{count} identifier(s) of entries are others ({', '.join(sorted(_IDENTIFIERS))})"
        yield Change(topic=Topic.OTHER, direction=Direction.NEUTRAL, text=text)


def _meaning(path: tuple[str, ...]) -> Meaning | None:
    """Return the meaning of the place that a path meets, the most exact one."""
    met = [place for place in _MEANINGS if len(place) == len(path) and all(map(_meets, place, path))]
    return _MEANINGS[min(met, key=lambda place: place.count("*"))] if met else None


def _meets(pattern: str, part: str) -> bool:
    return pattern in {"*", part}
