from __future__ import annotations

from typing import Any

from idp.flows.versions.publishing import judged
from tests.flows.bench import Edit, all_edits, flow, loaded, no_actions, step, with_flows

LOGIN = with_flows(flow("login", step("auth-username-password-form"), step("auth-otp-form")))
GOOD = all_edits(no_actions, LOGIN)


def put(key: str, value: Any) -> Edit:
    def edit(found: dict[str, Any]) -> None:
        GOOD(found)
        found[key] = value

    return edit


def test_what_says_nothing_new_is_judged_by_nothing() -> None:
    judgement = judged(loaded(put("displayName", "E re")), live=loaded(GOOD))
    assert (judgement.errors, judgement.news) == ((), ())


def test_a_warning_is_news_until_the_version_before_has_it_too() -> None:
    unwise = loaded(put("accessTokenLifespan", 86400))
    assert [finding.rule for finding in judged(unwise, live=loaded(GOOD)).news] == ["L-ACCESS-TOKEN"]
    assert judged(unwise, live=unwise).news == ()
    assert "L-ACCESS-TOKEN" in {finding.rule for finding in judged(unwise, live=None).news}


def test_a_warning_that_only_moved_is_no_news() -> None:
    def edit(found: dict[str, Any]) -> None:
        GOOD(found)
        found["clients"][0]["attributes"].pop("pkce.code.challenge.method")

    def moved(found: dict[str, Any]) -> None:
        edit(found)
        found["clients"].reverse()

    before, after = loaded(edit), loaded(moved)
    assert "C-PKCE" in {finding.rule for finding in judged(before, live=loaded(GOOD)).news}
    assert judged(after, live=before).news == ()


def test_t32_a_flow_that_is_bound_cannot_be_deleted_and_everybody_who_uses_it_is_named() -> None:
    def used(found: dict[str, Any]) -> None:
        GOOD(found)
        found["authenticationFlows"][0]["id"] = "login-id"
        for client in found["clients"]:
            client["authenticationFlowBindingOverrides"] = {"browser": "login-id"}

    def deleted(found: dict[str, Any]) -> None:
        used(found)
        other = flow("other", step("auth-username-password-form"), step("auth-otp-form"))
        found["authenticationFlows"] = [other]

    assert judged(loaded(used), live=None).errors == ()
    told = {finding.pointer: finding.problem for finding in judged(loaded(deleted), live=loaded(used)).errors}
    assert told.keys() >= {
        "/browserFlow",
        "/clients/0/authenticationFlowBindingOverrides/browser",
        "/clients/1/authenticationFlowBindingOverrides/browser",
    }
    assert "“login”" in told["/browserFlow"]
    assert "internet-banking" in told["/clients/0/authenticationFlowBindingOverrides/browser"]
    assert "cards" in told["/clients/1/authenticationFlowBindingOverrides/browser"]
