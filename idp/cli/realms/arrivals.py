"""The users of an import: looked at first, then let in, one file of a folder at a time.

What lies in files of their own is read twice, so that nobody has arrived before every file was found readable.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from idp.flows.customers.newcomers import Newcomers
from idp.importing import Importing, Plan
from idp.model.finding import Finding, Severity
from idp.realms.files.documents import Source
from idp.realms.users.seeds import DeliveredPassword, UserSeed

MOST_TOLD = 100
"""How many problems are named; the rest are counted."""

_TOGETHER = 100
"""Users who are written at once. A server beside waits for them, some tens of milliseconds."""

Told = Callable[[int], None]


class Problems:
    """What is wrong with users, in the order of the files."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.number = 0

    def tell(self, problem: str) -> None:
        """Count a problem, and keep it if there are not very many."""
        self.number += 1
        if len(self.told) < MOST_TOLD:
            self.told.append(problem)


class People:
    """The users of one realm that is imported."""

    def __init__(self, importing: Importing, plan: Plan, source: Source) -> None:
        self.problems = Problems()
        """Of users in files of their own, and of addresses that somebody else has."""
        self.unwise = 0
        """How many more findings there are."""
        self.count = 0
        """Of users who can be read."""
        self.came = 0
        self.kept_out: set[str] = set()
        """Where those stand whose address is somebody else's."""
        self._importing = importing
        self._plan = plan
        self._source = source

    async def looked_at(self, told: Told) -> None:
        """Read all of them, and say what is wrong, without letting anybody in; raises `RealmFileError`."""
        newcomers = self._importing.newcomers(self._plan)
        for place, seeds, findings in self._portions():
            self.count += len(seeds)
            for finding in findings:
                self._note(place, finding)
            self._keep_out(place, [finding async for finding in newcomers.kept_out(seeds)])
            told(self.count)

    async def welcomed(self, told: Told) -> None:
        """Let in those whom the store does not know. Raises `MessageUndeliveredError`; who has come by then stays."""
        newcomers = self._importing.newcomers(self._plan)
        for place, seeds, _ in self._portions():
            for start in range(0, len(seeds), _TOGETHER):
                self.came += await self._arrived(newcomers, seeds[start : start + _TOGETHER])
                self._keep_out(place, [*newcomers.left_out, *newcomers.delayed])
                newcomers.left_out.clear()
                newcomers.delayed.clear()
                told(self.came)

    async def _arrived(self, newcomers: Newcomers, seeds: Sequence[UserSeed]) -> int:
        if any(isinstance(seed.password, DeliveredPassword) for seed in seeds):
            return await newcomers.arrive(seeds)  # nothing is sent before what it stands on is durable
        async with self._importing.stores.together():
            return await newcomers.arrive(seeds)

    def _portions(self) -> Iterator[tuple[str, tuple[UserSeed, ...], tuple[Finding, ...]]]:
        """Yield where users stand, who they are, and what is wrong (of the realm's own document that is told)."""
        yield "", self._plan.loaded.users, ()
        for part in self._source.parts:
            yield f"{part.name}: ", *self._importing.read(self._plan, self._source.users_of(part))

    def _keep_out(self, place: str, findings: Sequence[Finding]) -> None:
        """Tell of each once, whether it was seen when all were looked at or only when they arrived."""
        for finding in findings:
            if f"{place}{finding.pointer}" not in self.kept_out:
                self.kept_out.add(f"{place}{finding.pointer}")
                self.problems.tell(f"{place}{finding}")

    def _note(self, place: str, finding: Finding) -> None:
        if finding.severity is Severity.ERROR:
            self.problems.tell(f"{place}{finding}")
        else:
            self.unwise += 1
