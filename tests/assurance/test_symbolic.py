"""What a realm file does not know is answered both ways, and the same within one login and about one customer."""

from __future__ import annotations

from typing import Any

from idp.assurance.attacker import minimal_sets
from idp.assurance.ceremonies import Ceremonies
from idp.assurance.customers import customers_of
from idp.assurance.report import told
from idp.assurance.symbolic import LEVEL, SymbolicRealm
from idp.assurance.untouched import no_services
from idp.flows.assembly import AssembledRealm
from idp.flows.tree import leaves
from tests.assurance.corpus import GATE, NO_SET_UP, OTP, PASSWORD_PAGE, by_names, proof, repaired, sets
from tests.flows.bench import Edit, all_edits, flow, loaded, step, sub, with_flows

MESSAGE = step("sms-otp", config="registration sms")


def conditions(**configs: dict[str, str]) -> Edit:
    def edit(found: dict[str, Any]) -> None:
        found["roles"] = {"realm": [{"name": "clerk"}, {"name": "director"}]}
        found["authenticatorConfig"] += [{"alias": alias, "config": config} for alias, config in configs.items()]

    return edit


CLERK = {"condUserRole": "clerk"}
NO_CLERK = {"condUserRole": "clerk", "negate": "true"}


def by_role(one: dict[str, str], other: dict[str, str]) -> Edit:
    """The token for whom the first condition is about, the message for whom the second one is."""
    flows = with_flows(
        flow("login", PASSWORD_PAGE, sub("first", "CONDITIONAL"), sub("second", "CONDITIONAL"), topLevel=True),
        flow("first", step("conditional-user-role", config="one"), GATE, OTP, topLevel=False),
        flow("second", step("conditional-user-role", config="other"), MESSAGE, topLevel=False),
    )
    return repaired(NO_SET_UP, flows, conditions(one=one, other=other))


def test_a_role_and_its_negation_leave_nobody_out() -> None:
    found = proof(by_role(CLERK, NO_CLERK))
    assert frozenset({"password"}) not in sets(found, 1)
    assert frozenset({"password", "sms-otp"}) in sets(found, 2)


def test_two_roles_leave_out_whoever_has_neither() -> None:
    found = proof(by_role(CLERK, {"condUserRole": "director"}))
    one = by_names(found, 1, {"password"})
    assert [assumed.rsplit(": ", 1)[1] for assumed in one.script[-1].assumes] == ["no", "no"]
    assert "where customer: conditional-user-role" in told(found)


def registered_by(config: str) -> Edit:
    """The registration of a token asks for the password, and is open to some."""

    def edit(found: dict[str, Any]) -> None:
        kept = [one for one in found["authenticationFlows"] if one["alias"] != "soft token registration"]
        some = (step("conditional-user-role", config=config), step("soft-token-enrolment"))
        registration = flow("soft token registration", PASSWORD_PAGE, sub("enrol", "CONDITIONAL"), topLevel=True)
        found["authenticationFlows"] = [*kept, registration, flow("enrol", *some, topLevel=False)]

    return edit


def test_nobody_has_a_role_in_one_ceremony_and_lacks_it_in_the_next() -> None:
    login = by_role({"condUserRole": "director"}, {"condUserRole": "director", "negate": "true"})
    assert frozenset({"password"}) in sets(proof(all_edits(login, registered_by("one"))), 2)
    assert frozenset({"password"}) not in sets(proof(all_edits(login, registered_by("other"))), 2)


STEP_UP = repaired(
    NO_SET_UP,
    with_flows(
        flow("login", sub("level 1", "CONDITIONAL"), sub("level 2", "CONDITIONAL"), topLevel=True),
        flow("level 1", step("conditional-level-of-authentication", config="one"), PASSWORD_PAGE, topLevel=False),
        flow("level 2", step("conditional-level-of-authentication", config="two"), GATE, OTP, topLevel=False),
    ),
    conditions(
        one={"loa-condition-level": "1", "loa-max-age": "36000"}, two={"loa-condition-level": "2", "loa-max-age": "300"}
    ),
)


def test_a_step_up_takes_the_second_element_for_the_second_level_only() -> None:
    found = proof(STEP_UP)
    assert found.holds
    assert found.unsound == ()
    assert frozenset({"password"}) in sets(found, 1)
    assert frozenset({"password", "otp"}) in sets(found, 2)
    assert all(len(names) == 2 for names in sets(found, 2))
    assert f"{LEVEL}: 2" in by_names(found, 2, {"password", "otp"}).script[-1].assumes


def test_who_is_denied_gets_no_level() -> None:
    deny = with_flows(
        flow("login", PASSWORD_PAGE, sub("not from there", "CONDITIONAL"), topLevel=True),
        flow(
            "not from there",
            step("conditional-client-ip-address", config="there"),
            step("deny-access-authenticator"),
            topLevel=False,
        ),
    )
    edit = repaired(NO_SET_UP, deny, conditions(there={"ip-ranges": "192.0.2.0/24"}))
    (ceremony,) = by_names(proof(edit), 1, {"password"}).script
    assert [assumed.rsplit(": ", 1)[1] for assumed in ceremony.assumes] == ["no"]


def test_the_proof_follows_the_order_of_the_flow_whatever_the_customers_own_is() -> None:
    found = loaded(all_edits(STEP_UP))
    proving, serving = SymbolicRealm(found.realm, no_services()), AssembledRealm(found.realm, no_services())
    who = next(who for who in customers_of(proving, found.users) if who.user.otps)

    def ranks(assembled: AssembledRealm) -> set[int | None]:
        steps = (leaf for flow in assembled.flows.values() for leaf in leaves(flow.root))
        return {assembled.rank(step, who.user) for step in steps}

    assert ranks(serving) > {None}
    assert ranks(proving) == {None}


def test_a_customer_of_every_kind_is_judged_by_every_level_that_is_told_apart() -> None:
    realm = loaded(all_edits(STEP_UP))
    assembled = SymbolicRealm(realm.realm, no_services())
    ceremonies = Ceremonies(assembled)
    assert ceremonies.levels() == (1, 2)
    assert assembled.levels == (0, 1, 2)
    with_token = next(who for who in customers_of(assembled, realm.users) if who.user.otps)
    assert {one.level for one in minimal_sets(ceremonies, with_token)} == {1, 2}
