"""Levels of authentication by blocks (keycloak.md 2.8): which is reached, for how long, and what a step-up asks."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from idp.flows.turns import Finished
from idp.model.flow import Evidence
from idp.model.oauth import ClaimRequest, ClaimsRequest, GrantTerms
from tests.flows.bench import (
    PASSWORD,
    Bench,
    Edit,
    Walk,
    all_edits,
    demo_realm,
    flow,
    no_actions,
    step,
    sub,
    with_flows,
)
from tests.flows.strength.test_carried import proven, with_session

pytestmark = pytest.mark.anyio

LEVEL = "conditional-level-of-authentication"
FORM = step("auth-username-password-form")
OTP = step("auth-otp-form")


def blocks(*, first_age: int = 36000, second_age: int = 300, names: str = '{"silver": 1, "gold": 2}') -> Edit:
    """Keycloak's recipe of step-up: the password for level 1, the soft token for level 2."""

    def edit(found: dict[str, Any]) -> None:
        found["attributes"]["acr.loa.map"] = names
        found["authenticatorConfig"] += [
            {"alias": "one", "config": {"loa-condition-level": "1", "loa-max-age": str(first_age)}},
            {"alias": "two", "config": {"loa-condition-level": "2", "loa-max-age": str(second_age)}},
        ]

    return all_edits(
        with_flows(
            flow("login", step("auth-cookie", "ALTERNATIVE"), sub("forms", "ALTERNATIVE")),
            flow("forms", sub("level 1", "CONDITIONAL"), sub("level 2", "CONDITIONAL")),
            flow("level 1", step(LEVEL, config="one"), FORM),
            flow("level 2", step(LEVEL, config="two"), OTP),
        ),
        no_actions,
        edit,
    )


def asking(walk: Walk, *acr_values: str, **request: Any) -> Walk:
    assert walk.session.request is not None
    asked = msgspec.structs.replace(walk.session.request, acr_values=acr_values, **request)
    walk.session = msgspec.structs.replace(walk.session, request=asked)
    return walk


async def logged_in(bench: Bench, walk: Walk) -> list[str]:
    """Answer whatever is asked; return what it was."""
    asked = []
    result = await walk.show()
    while not isinstance(result.turn, Finished):
        asked.append(walk.asks)
        named = {} if walk.session.user_id else {"username": "ana"}
        if walk.asks == "auth-otp-form":
            bench.clock.advance(30)
            result = await walk.enter(otp=bench.otp())
        else:
            result = await walk.enter(**named, password=PASSWORD)
    return asked


@pytest.mark.parametrize(
    ("acr_values", "asked", "level"),
    [
        ((), ["auth-username-password-form"], 1),
        (("silver",), ["auth-username-password-form"], 1),
        (("gold",), ["auth-username-password-form", "auth-otp-form"], 2),
        (("gold", "silver"), ["auth-username-password-form"], 1),
        (("unknown", "gold"), ["auth-username-password-form", "auth-otp-form"], 2),
    ],
)
async def test_the_blocks_up_to_the_level_that_is_asked_for_are_asked(
    acr_values: tuple[str, ...], asked: list[str], level: int
) -> None:
    """T-15: of several values the weakest is enough."""
    bench = Bench()
    await bench.add_user(token=True)
    walk = asking(bench.run(demo_realm(blocks())), *acr_values)
    assert await logged_in(bench, walk) == asked
    assert walk.runner.level(walk.session) == level


@pytest.mark.parametrize(
    ("password", "token", "asked"),
    [
        (10, 10, []),
        (10, 299, []),
        (10, 300, ["auth-otp-form"]),
        (36000, 10, ["auth-username-password-form"]),
        (36000, 300, ["auth-username-password-form", "auth-otp-form"]),
        (10, None, ["auth-otp-form"]),
    ],
)
async def test_t13_each_level_lasts_for_its_own_time(password: int, token: int | None, asked: list[str]) -> None:
    """In Keycloak an expired level 1 hides a fresh level 2; here only what has run out is asked again."""
    bench = Bench()
    await bench.add_user(token=True)
    earlier = [proven(bench, "password", age=password)]
    earlier += [proven(bench, "otp", age=token)] if token is not None else []
    walk = asking(with_session(bench.run(demo_realm(blocks())), *earlier), "gold")
    assert await logged_in(bench, walk) == asked
    assert walk.runner.level(walk.session) == 2


async def test_a_block_without_an_age_counts_for_its_own_login_alone() -> None:
    bench = Bench()
    await bench.add_user(token=True)
    walk = asking(bench.run(demo_realm(blocks(second_age=0))), "gold")
    assert await logged_in(bench, walk) == ["auth-username-password-form", "auth-otp-form"]
    assert walk.runner.level(walk.session) == 2
    again = with_session(bench.run(demo_realm(blocks(second_age=0))), *walk.session.evidence)
    again.session = msgspec.structs.replace(again.session, tab_id="tab-2")
    assert await logged_in(bench, asking(again, "gold")) == ["auth-otp-form"]


async def test_a_level_of_the_session_that_nobody_asked_for_is_not_told() -> None:
    bench = Bench()
    await bench.add_user(token=True)
    walk = with_session(bench.run(demo_realm(blocks())), proven(bench, "password"), proven(bench, "otp"))
    assert await logged_in(bench, walk) == []
    assert walk.runner.level(walk.session) == 1


async def test_a_second_level_without_two_categories_is_none() -> None:
    """RTS (EU) 2018/389 Art. 4(1): whatever a session brings along, two proofs of one category are one element."""
    bench = Bench()
    await bench.add_user(token=True)
    walk = asking(bench.run(demo_realm(blocks())), "gold")
    await logged_in(bench, walk)
    twice = tuple(msgspec.structs.replace(e, category=walk.session.evidence[0].category) for e in walk.session.evidence)
    assert walk.runner.level(msgspec.structs.replace(walk.session, evidence=twice)) == 1


async def test_a_block_without_evidence_gives_no_level() -> None:
    bench = Bench()
    await bench.add_user(token=True)
    walk = asking(bench.run(demo_realm(blocks())), "gold")
    await logged_in(bench, walk)
    password = walk.session.evidence[:1]
    other: tuple[Evidence, ...] = (*password, msgspec.structs.replace(walk.session.evidence[1], execution="elsewhere"))
    assert walk.runner.level(msgspec.structs.replace(walk.session, evidence=other)) == 1


async def test_an_essential_acr_is_aimed_at_like_a_wish() -> None:
    bench = Bench()
    await bench.add_user(token=True)
    claims = ClaimsRequest(id_token={"acr": ClaimRequest(essential=True, values=("gold",))})
    walk = asking(bench.run(demo_realm(blocks())), terms=GrantTerms(claims=claims))
    assert await logged_in(bench, walk) == ["auth-username-password-form", "auth-otp-form"]


async def test_the_client_may_have_its_own_names_and_a_minimum() -> None:
    def edit(found: dict[str, Any]) -> None:
        found["clients"][0]["attributes"].update({"acr.loa.map": '{"high": 2}', "minimum.acr.value": "high"})

    bench = Bench()
    await bench.add_user(token=True)
    walk = bench.run(demo_realm(all_edits(blocks(), edit)))
    assert walk.assembled.realm.clients["internet-banking"].acr_levels == {"high": 2}
    assert await logged_in(bench, walk) == ["auth-username-password-form", "auth-otp-form"]


async def test_a_realm_may_say_what_amr_says_of_a_step_and_for_how_long() -> None:
    """Keycloak's authenticator reference."""

    def edit(found: dict[str, Any]) -> None:
        found["authenticatorConfig"].append(
            {"alias": "ref", "config": {"default.reference.value": "face", "default.reference.maxAge": "60"}}
        )

    bench = Bench()
    await bench.add_user(token=True)
    login = flow("login", {**FORM, "authenticatorConfig": "ref"}, OTP)
    walk = bench.run(demo_realm(all_edits(with_flows(login), no_actions, edit)))
    await logged_in(bench, walk)
    assert [(e.amr, e.amr_age) for e in walk.session.evidence] == [(("face",), 60), (("otp",), None)]
