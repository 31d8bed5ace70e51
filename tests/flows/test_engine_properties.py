"""The engine over every well-formed tree: what it may never say, and that it always comes to an end."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from idp.flows.engine import Blocked, Ignored, Passed, Run, Usability
from idp.flows.tree import Execution, Node, Subflow, leaves, subflows
from idp.model.flow import Requirement, Status
from tests.flows.trees import ALTERNATIVE, CONDITIONAL, DISABLED, REQUIRED, Passage, leaf, level

NO, SETUP = Usability.NO, Usability.SETUP


def _named(node: Node, path: str) -> Node:
    """Give every place of a tree its own id."""
    if isinstance(node, Execution):
        return Execution(id=path, authenticator=path, requirement=node.requirement)
    return Subflow(
        id=path,
        alias=path,
        requirement=node.requirement,
        children=tuple(_named(child, f"{path}.{n}") for n, child in enumerate(node.children)),
        conditions=tuple(leaf(f"{path}?{n}", c.requirement) for n, c in enumerate(node.conditions)),
    )


def _with(node: Node, requirement: Requirement) -> Node:
    if isinstance(node, Execution):
        return leaf("-", REQUIRED if requirement is CONDITIONAL else requirement)
    guarded = requirement is CONDITIONAL
    return level("-", *node.children, requirement=requirement, when=("c",) if guarded else ())


def _level_of(children: list[tuple[Node, Requirement]], *, alternatives: bool) -> Node:
    """Make one level well-formed: alternatives among themselves, or the others among themselves."""
    suitable = {ALTERNATIVE, DISABLED} if alternatives else {REQUIRED, CONDITIONAL, DISABLED}
    fallback = ALTERNATIVE if alternatives else REQUIRED
    return level("-", *(_with(node, r if r in suitable else fallback) for node, r in children))


REQUIREMENTS = st.sampled_from([REQUIRED, REQUIRED, ALTERNATIVE, CONDITIONAL, DISABLED])
TREES = st.recursive(
    st.just(leaf("-")),
    lambda nodes: st.builds(
        lambda children, alternatives: _level_of(children, alternatives=alternatives),
        st.lists(st.tuples(nodes, REQUIREMENTS), max_size=4),
        st.booleans(),
    ),
    max_leaves=12,
).map(lambda node: _named(level("-", *(node.children if isinstance(node, Subflow) else (node,))), "0"))


@st.composite
def passages(draw: st.DrawFn) -> Passage:
    root = draw(TREES)
    assert isinstance(root, Subflow)
    usable = {}
    for step in leaves(root):
        kinds = [Usability.READY, Usability.READY, NO, *([SETUP] if step.requirement is REQUIRED else [])]
        usable[step.id] = draw(st.sampled_from(kinds))
    true = {guard.id for flow in subflows(root) for guard in flow.conditions if draw(st.booleans())}
    return Passage(root, usable=usable, true=true)


def outlook(node: Node, login: Passage) -> type[Passed | Blocked | Ignored]:
    """What a person who succeeds at everything must end with, whatever way they choose."""
    if node.requirement is DISABLED:
        return Ignored
    if isinstance(node, Execution):
        return Blocked if login.usable[node.id] is NO else Passed
    if node.requirement is CONDITIONAL and not all(guard.id in login.true for guard in node.conditions):
        return Ignored
    enabled = [child for child in node.children if child.requirement is not DISABLED]
    views = [outlook(child, login) for child in enabled]
    if any(child.requirement is ALTERNATIVE for child in enabled):
        return next((view for view in (Passed, Blocked) if view in views), Ignored)
    demanded = [outlook(child, login) for child in enabled if _demanded(child, login)]
    if not demanded:
        return Ignored
    return Passed if set(demanded) == {Passed} else Blocked


def satisfied(node: Node, login: Passage) -> bool:
    """Whether what was done carries a node, said without the engine."""
    if isinstance(node, Execution):
        return login.progress.get(node.id) in {Status.SUCCESS, Status.SETUP_REQUIRED}
    enabled = [child for child in node.children if child.requirement is not DISABLED]
    if any(child.requirement is ALTERNATIVE for child in enabled):
        return any(satisfied(child, login) for child in enabled)
    demanded = [child for child in enabled if _demanded(child, login)]
    return bool(demanded) and all(satisfied(child, login) for child in demanded)


def _demanded(node: Node, login: Passage) -> bool:
    """REQUIRED, or CONDITIONAL under conditions that all hold: the two mean the same (keycloak.md 2.6)."""
    guards = node.conditions if isinstance(node, Subflow) else ()
    return node.requirement is REQUIRED or all(guard.id in login.true for guard in guards)


@given(login=passages(), choices=st.data())
def test_who_succeeds_at_everything_ends_as_the_flow_says_whatever_way_they_choose(
    login: Passage, choices: st.DataObject
) -> None:
    expected = outlook(login.root, login)
    taken = login.walk(lambda offered: choices.draw(st.sampled_from(offered)), lambda _: Status.SUCCESS)
    assert isinstance(login.decision, expected)
    assert len(taken) <= len(list(leaves(login.root)))
    if expected is Passed:
        assert satisfied(login.root, login)


@given(login=passages(), choices=st.data())
def test_it_never_says_passed_before_everything_demanded_was_done(login: Passage, choices: st.DataObject) -> None:
    statuses = st.sampled_from([Status.SUCCESS, Status.SUCCESS, Status.ATTEMPTED])
    login.walk(lambda offered: choices.draw(st.sampled_from(offered)), lambda _: choices.draw(statuses))
    assert login.passed == satisfied(login.root, login)


@given(login=passages(), choices=st.data())
def test_conditions_that_change_meanwhile_neither_pass_nor_repeat_a_required_step(
    login: Passage, choices: st.DataObject
) -> None:
    guards = [guard.id for flow in subflows(login.root) for guard in flow.conditions]

    def done(_: str) -> Status:
        login.true = {guard for guard in guards if choices.draw(st.booleans())}
        return Status.SUCCESS

    login.walk(lambda offered: offered[0], done)
    if login.passed and not any(child.requirement is ALTERNATIVE for child in login.root.children):
        for child in login.root.children:
            if child.requirement is REQUIRED and isinstance(child, Execution):
                assert login.progress[child.id] in {Status.SUCCESS, Status.SETUP_REQUIRED}


@given(login=passages())
def test_with_nothing_done_nothing_is_passed(login: Passage) -> None:
    assert not login.passed


@given(login=passages())
def test_only_enabled_steps_that_are_possible_are_asked_or_offered(login: Passage) -> None:
    decision = login.decision
    if isinstance(decision, Run):
        possible = {step.id for step in leaves(login.root) if login.usable[step.id] is Usability.READY}
        assert set(login.offers) <= possible
        assert len(set(login.offers)) == len(login.offers)
