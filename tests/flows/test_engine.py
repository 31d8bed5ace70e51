"""The engine as values: Keycloak's meaning of requirements, sub-flows and conditions (keycloak.md 2.2 to 2.6)."""

from __future__ import annotations

import pytest

from idp.flows.engine import Blocked, Ignored, Run, SetUp, Usability
from idp.flows.tree import Subflow
from idp.model.flow import Status
from tests.flows.trees import ALTERNATIVE, CONDITIONAL, DISABLED, Passage, conditional, leaf, level

NO, SETUP = Usability.NO, Usability.SETUP


# --- one level of required members


def test_required_members_are_asked_in_order_and_none_is_skipped() -> None:
    login = Passage(level("top", leaf("password"), leaf("sms"), leaf("otp")))
    assert [login.succeed(), login.succeed(), login.succeed()] == ["password", "sms", "otp"]
    assert login.passed


def test_what_is_asked_first_of_required_members_has_no_alternatives() -> None:
    assert Passage(level("top", leaf("password"), leaf("otp"))).offers == ("password",)


def test_a_required_step_that_is_not_possible_blocks_and_is_never_skipped() -> None:
    login = Passage(level("top", leaf("password"), leaf("otp"), leaf("terms")), usable={"otp": NO})
    login.succeed()
    assert isinstance(login.decision, Blocked)
    assert "otp" in login.decision.reason


def test_success_at_a_later_member_does_not_stand_for_an_earlier_one() -> None:
    login = Passage(level("top", leaf("password"), leaf("otp")), done={"otp": Status.SUCCESS})
    assert login.asks == "password"


def test_a_required_step_that_was_attempted_without_success_fails_its_level() -> None:
    login = Passage(level("top", leaf("kerberos"), leaf("otp")), done={"kerberos": Status.ATTEMPTED})
    assert isinstance(login.decision, Blocked)


def test_a_missing_credential_that_can_be_set_up_asks_for_the_set_up_and_then_counts_for_its_level() -> None:
    login = Passage(level("top", leaf("password"), leaf("otp"), leaf("terms")), usable={"otp": SETUP})
    login.succeed()
    decision = login.decision
    assert isinstance(decision, SetUp)
    assert decision.execution.id == "otp"
    login.progress["otp"] = Status.SETUP_REQUIRED
    assert login.asks == "terms"


@pytest.mark.parametrize("status", [Status.SUCCESS, Status.SETUP_REQUIRED, Status.ATTEMPTED])
def test_what_is_done_is_never_asked_again(status: Status) -> None:
    login = Passage(level("top", leaf("only")), done={"only": status})
    assert not isinstance(login.decision, Run)


@pytest.mark.parametrize(
    ("progress", "usable"), [({}, {}), ({"off": Status.ATTEMPTED}, {}), ({}, {"off": NO})], ids=["open", "failed", "no"]
)
def test_a_disabled_member_contributes_nothing(progress: dict[str, Status], usable: dict[str, Usability]) -> None:
    root = level("top", leaf("off", DISABLED), leaf("password"), level("none", leaf("x"), requirement=DISABLED))
    login = Passage(root, done=progress, usable=usable)
    assert login.offers == ("password",)
    login.succeed()
    assert login.passed


def test_a_disabled_flow_asks_for_nothing_and_passes_nobody() -> None:
    assert isinstance(Passage(level("top", leaf("password"), requirement=DISABLED)).decision, Ignored)
    assert isinstance(Passage(level("top", leaf("x", DISABLED), leaf("y", DISABLED))).decision, Ignored)


def test_a_disabled_step_among_alternatives_is_not_offered_even_if_it_was_done() -> None:
    root = level("top", leaf("off", DISABLED), leaf("password", ALTERNATIVE))
    assert Passage(root, done={"off": Status.SUCCESS}).offers == ("password",)


def test_a_disabled_alternative_does_not_make_its_level_one_of_alternatives() -> None:
    login = Passage(level("top", leaf("password"), leaf("cookie", DISABLED), leaf("otp")))
    assert [login.succeed(), login.succeed()] == ["password", "otp"]
    assert login.passed


# --- alternatives


def test_one_alternative_suffices() -> None:
    login = Passage(level("top", leaf("otp", ALTERNATIVE), leaf("sms", ALTERNATIVE)))
    assert login.offers == ("otp", "sms")
    login.succeed()
    assert login.passed


def test_a_later_alternative_that_succeeded_passes_the_level() -> None:
    login = Passage(level("top", leaf("otp", ALTERNATIVE), leaf("sms", ALTERNATIVE)), done={"sms": Status.SUCCESS})
    assert login.passed


@pytest.mark.parametrize(
    ("done", "usable"), [({"otp": Status.ATTEMPTED}, {}), ({}, {"otp": NO})], ids=["attempted", "not possible"]
)
def test_a_blocked_alternative_gives_way_to_the_next(done: dict[str, Status], usable: dict[str, Usability]) -> None:
    login = Passage(level("top", leaf("otp", ALTERNATIVE), leaf("sms", ALTERNATIVE)), done=done, usable=usable)
    assert login.offers == ("sms",)


def test_when_every_alternative_is_blocked_every_reason_is_told_to_the_operator() -> None:
    login = Passage(level("top", leaf("otp", ALTERNATIVE), leaf("sms", ALTERNATIVE)), usable={"otp": NO, "sms": NO})
    assert login.decision == Blocked(reason="otp is not possible for this user; sms is not possible for this user")


def test_a_subflow_whose_required_step_failed_gives_way_to_the_next_alternative() -> None:
    strong = level("strong", leaf("password"), leaf("otp"), requirement=ALTERNATIVE)
    login = Passage(level("top", strong, leaf("sms", ALTERNATIVE)))
    login.succeed()
    login.progress["otp"] = Status.ATTEMPTED
    assert login.offers == ("sms",)


def test_a_way_that_can_be_asked_comes_before_one_that_must_be_set_up() -> None:
    enrol = level("enrol", leaf("otp"), requirement=ALTERNATIVE)
    login = Passage(level("top", enrol, leaf("sms", ALTERNATIVE)), usable={"otp": SETUP})
    assert login.offers == ("sms",)


def test_setting_up_comes_before_giving_up() -> None:
    enrol = level("enrol", leaf("otp"), requirement=ALTERNATIVE)
    for members in ((leaf("sms", ALTERNATIVE), enrol), (enrol, leaf("sms", ALTERNATIVE))):
        login = Passage(level("top", *members), usable={"otp": SETUP, "sms": NO})
        assert isinstance(login.decision, SetUp)


def test_of_two_credentials_to_set_up_the_first_is() -> None:
    one = level("one", leaf("otp"), requirement=ALTERNATIVE)
    two = level("two", leaf("key"), requirement=ALTERNATIVE)
    login = Passage(level("top", one, two), usable={"otp": SETUP, "key": SETUP})
    assert isinstance(login.decision, SetUp)
    assert login.decision.execution.id == "otp"


# --- the way a person chose


def test_the_chosen_way_is_asked_and_the_others_stay_offered() -> None:
    login = Passage(level("top", leaf("otp", ALTERNATIVE), leaf("sms", ALTERNATIVE), leaf("key", ALTERNATIVE)))
    login.chosen = "sms"
    assert login.offers == ("sms", "otp", "key")


def test_a_way_inside_a_subflow_can_be_chosen_from_outside() -> None:
    second = level("second", leaf("otp", ALTERNATIVE), leaf("sms", ALTERNATIVE), requirement=ALTERNATIVE)
    login = Passage(level("top", leaf("key", ALTERNATIVE), second))
    assert login.offers == ("key", "otp", "sms")
    login.chosen = "sms"
    assert set(login.offers) == {"key", "otp", "sms"}
    assert login.asks == "sms"


@pytest.mark.parametrize("chosen", ["later", "elsewhere", "off", "blocked"])
def test_a_choice_that_is_not_offered_changes_nothing(chosen: str) -> None:
    members = (leaf("otp", ALTERNATIVE), leaf("sms", ALTERNATIVE), leaf("off", DISABLED), leaf("blocked", ALTERNATIVE))
    login = Passage(level("top", level("second", *members), leaf("later")), usable={"blocked": NO})
    login.chosen = chosen
    assert login.offers == ("otp", "sms")


def test_who_has_begun_a_way_goes_on_with_it() -> None:
    one = level("one", leaf("password"), leaf("otp"), requirement=ALTERNATIVE)
    two = level("two", leaf("card"), leaf("pin"), requirement=ALTERNATIVE)
    login = Passage(level("top", one, two))
    login.chosen = "card"
    login.succeed()
    assert login.offers == ("pin", "password")


def test_who_has_failed_at_a_way_has_not_begun_it() -> None:
    members = level("any", leaf("card", ALTERNATIVE), leaf("pin", ALTERNATIVE), requirement=ALTERNATIVE)
    login = Passage(level("top", leaf("otp", ALTERNATIVE), members), done={"card": Status.ATTEMPTED})
    assert login.offers == ("otp", "pin")


# --- Ignored is not Passed


def test_an_alternative_subflow_holding_only_an_unmet_conditional_never_satisfies() -> None:
    empty = level("second", conditional("maybe", leaf("otp"), when="has-otp"), requirement=ALTERNATIVE)
    login = Passage(level("top", empty, leaf("sms", ALTERNATIVE)))
    assert login.offers == ("sms",)
    assert isinstance(Passage(level("top", empty)).decision, Ignored)


def test_a_required_subflow_in_which_nothing_applied_blocks() -> None:
    empty = level("second", conditional("maybe", leaf("otp"), when="has-otp"))
    login = Passage(level("top", leaf("password"), empty))
    login.succeed()
    assert isinstance(login.decision, Blocked)
    assert "second" in login.decision.reason


def test_a_flow_of_unmet_conditionals_is_not_successful() -> None:
    root = level("top", conditional("a", leaf("otp"), when="x"), conditional("b", leaf("sms"), when="y"))
    assert isinstance(Passage(root).decision, Ignored)


def test_an_empty_flow_is_not_successful() -> None:
    assert isinstance(Passage(level("top")).decision, Ignored)
    assert isinstance(Passage(level("top", leaf("a", DISABLED))).decision, Ignored)


def test_an_unmet_conditional_beside_a_passed_step_takes_nothing_away() -> None:
    login = Passage(level("top", leaf("password"), conditional("maybe", leaf("otp"), when="has-otp")))
    login.succeed()
    assert login.passed


# --- conditions


def test_a_conditional_subflow_whose_condition_holds_behaves_as_required() -> None:
    root = level("top", leaf("password"), conditional("maybe", leaf("otp"), when="has-otp"), leaf("terms"))
    login = Passage(root, true={"has-otp"})
    assert [login.succeed(), login.succeed(), login.succeed()] == ["password", "otp", "terms"]
    assert login.passed


def test_a_conditional_subflow_that_applies_and_is_blocked_blocks_its_level() -> None:
    root = level("top", conditional("maybe", leaf("otp"), when="has-otp"), leaf("terms"))
    assert isinstance(Passage(root, true={"has-otp"}, usable={"otp": NO}).decision, Blocked)


def test_a_conditional_subflow_that_applies_and_in_which_nothing_applied_blocks() -> None:
    inner = conditional("inner", leaf("otp"), when="has-otp")
    login = Passage(level("top", leaf("password"), conditional("outer", inner, when="always")), true={"always"})
    login.succeed()
    assert isinstance(login.decision, Blocked)


@pytest.mark.parametrize(("true", "applies"), [({"a", "b"}, True), ({"a"}, False), ({"b"}, False), (set(), False)])
def test_all_conditions_must_hold(true: set[str], *, applies: bool) -> None:
    login = Passage(level("top", conditional("maybe", leaf("otp"), when=("a", "b")), leaf("sms")), true=true)
    assert login.asks == ("otp" if applies else "sms")


def test_a_conditional_subflow_without_an_enabled_condition_is_absent() -> None:
    bare = level("maybe", leaf("otp"), requirement=CONDITIONAL)
    off = Subflow(
        id="off",
        alias="off",
        requirement=CONDITIONAL,
        children=(leaf("otp"),),
        conditions=(leaf("has-otp", DISABLED),),
    )
    for absent in (bare, off):
        assert Passage(level("top", absent, leaf("sms")), true={"has-otp"}).asks == "sms"


def test_a_disabled_condition_is_not_asked() -> None:
    guarded = Subflow(
        id="maybe",
        alias="maybe",
        requirement=CONDITIONAL,
        children=(leaf("otp"),),
        conditions=(leaf("has-otp"), leaf("never", DISABLED)),
    )
    assert Passage(level("top", guarded, leaf("sms")), true={"has-otp"}).asks == "otp"


def test_conditions_of_a_required_subflow_are_ignored() -> None:
    assert Passage(level("top", level("second", leaf("otp"), when=("never",)))).asks == "otp"


# --- a condition is decided when the login comes by


def test_a_condition_that_turns_true_after_the_login_went_by_asks_for_nothing() -> None:
    root = level("top", leaf("password"), conditional("maybe", leaf("otp"), when="has-otp"), leaf("enrolment"))
    login = Passage(root)
    login.succeed()
    assert login.succeed() == "enrolment"
    login.true.add("has-otp")
    assert login.passed


def test_a_condition_deep_in_a_subflow_is_decided_when_the_login_comes_by_too() -> None:
    first = level(
        "first", leaf("password"), level("deep", leaf("a"), conditional("maybe", leaf("otp"), when="has-otp"))
    )
    login = Passage(level("top", first, leaf("enrolment"), leaf("terms")))
    assert [login.succeed(), login.succeed(), login.succeed()] == ["password", "a", "enrolment"]
    login.true.add("has-otp")
    assert login.asks == "terms"


def test_after_the_flow_was_passed_no_condition_is_decided_again() -> None:
    login = Passage(level("top", leaf("password"), conditional("maybe", leaf("otp"), when="has-otp")))
    login.succeed()
    login.true.add("has-otp")
    assert login.asks == "otp", "the login has not gone by yet"
    login.settled = True
    assert login.passed


def test_a_condition_in_a_subflow_that_was_begun_is_still_to_be_decided() -> None:
    inner = level("inner", leaf("password"), conditional("maybe", leaf("otp"), when="has-otp"))
    login = Passage(level("top", inner), true={"has-otp"})
    assert [login.succeed(), login.succeed()] == ["password", "otp"]
    assert login.passed


def test_after_the_flow_was_passed_no_condition_within_an_alternative_is_decided_again() -> None:
    maybe = conditional("maybe", leaf("otp"), when="has-otp")
    forms = level("forms", leaf("password"), maybe, requirement=ALTERNATIVE)
    login = Passage(level("top", leaf("cookie", ALTERNATIVE), forms), usable={"cookie": NO})
    login.succeed()
    login.true.add("has-otp")
    login.settled = True
    assert login.passed


def test_a_settled_flow_still_demands_what_was_begun_or_is_required() -> None:
    two = conditional("maybe", leaf("otp"), leaf("sms"), when="has-otp")
    login = Passage(level("top", two, leaf("terms")), true={"has-otp"}, done={"otp": Status.SUCCESS})
    login.settled = True
    assert [login.succeed(), login.succeed()] == ["sms", "terms"]


def test_a_condition_that_turns_false_after_its_subflow_was_begun_does_not_end_it() -> None:
    root = level("top", conditional("maybe", leaf("otp"), leaf("sms"), when="has-otp"), leaf("terms"))
    login = Passage(root, true={"has-otp"})
    login.succeed()
    login.true.clear()
    assert login.succeed() == "sms"


def test_a_condition_is_decided_anew_until_the_login_comes_by() -> None:
    root = level("top", leaf("username"), conditional("maybe", leaf("otp"), when="has-otp"), leaf("terms"))
    login = Passage(root)
    login.succeed()
    assert login.asks == "terms"
    login.true.add("has-otp")
    assert login.asks == "otp"
