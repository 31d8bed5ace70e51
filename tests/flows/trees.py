"""Small trees for the engine, and what is known of a login that runs through them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from idp.flows.engine import Circumstances, Decision, Passed, Run, SetUp, Usability, decide
from idp.flows.tree import Execution, Node, Subflow
from idp.model.flow import Requirement, Status

REQUIRED = Requirement.REQUIRED
ALTERNATIVE = Requirement.ALTERNATIVE
CONDITIONAL = Requirement.CONDITIONAL
DISABLED = Requirement.DISABLED


def leaf(name: str, requirement: Requirement = REQUIRED) -> Execution:
    return Execution(id=name, authenticator=name, requirement=requirement)


def level(name: str, *children: Node, requirement: Requirement = REQUIRED, when: tuple[str, ...] = ()) -> Subflow:
    """A sub-flow; `when` names the conditions that guard it."""
    conditions = tuple(leaf(condition) for condition in when)
    return Subflow(id=name, alias=name, requirement=requirement, children=children, conditions=conditions)


def conditional(name: str, *children: Node, when: str | tuple[str, ...]) -> Subflow:
    guards = (when,) if isinstance(when, str) else when
    return level(name, *children, requirement=CONDITIONAL, when=guards)


class Passage:
    """One login through a tree: what was done, what the user has, which conditions hold now."""

    def __init__(
        self,
        root: Subflow,
        *,
        usable: Mapping[str, Usability] | None = None,
        true: set[str] | None = None,
        order: tuple[str, ...] = (),
        done: Mapping[str, Status] | None = None,
    ) -> None:
        self.root = root
        self.usable = dict(usable or {})
        self.order = order
        self.true = set(true or ())
        self.progress: dict[str, Status] = dict(done or {})
        self.chosen: str | None = None
        self.settled = False

    @property
    def decision(self) -> Decision:
        return decide(
            self.root,
            Circumstances(
                progress=self.progress,
                usable=lambda execution: self.usable.get(execution.id, Usability.READY),
                holds=lambda condition, _: condition.id in self.true,
                chosen=self.chosen,
                settled=self.settled,
                rank=lambda execution: self.order.index(execution.id) if execution.id in self.order else None,
            ),
        )

    @property
    def asks(self) -> str:
        decision = self.decision
        assert isinstance(decision, Run), decision
        return decision.execution.id

    @property
    def offers(self) -> tuple[str, ...]:
        """What is asked, and after it the other ways."""
        decision = self.decision
        assert isinstance(decision, Run), decision
        return tuple(execution.id for execution in (decision.execution, *decision.alternatives))

    @property
    def passed(self) -> bool:
        return isinstance(self.decision, Passed)

    def succeed(self) -> str:
        """Do what is asked; return what it was."""
        asked = self.asks
        self.progress[asked] = Status.SUCCESS
        self.chosen = None
        return asked

    def walk(self, pick: Callable[[tuple[str, ...]], str], status: Callable[[str], Status]) -> list[str]:
        """Answer until there is nothing to ask: `pick` a way among those offered, and let it end with `status`."""
        taken: list[str] = []
        while isinstance(decision := self.decision, Run | SetUp):
            if isinstance(decision, SetUp):
                name, became = decision.execution.id, Status.SETUP_REQUIRED
            else:
                name = pick(self.offers)
                self.chosen = name
                assert self.asks == name, "whoever chooses a way that is offered is asked for it"
                became = status(name)
            assert name not in self.progress, "nothing is asked twice"
            self.progress[name] = became
            self.chosen = None
            taken.append(name)
        return taken
