"""What may be published: nothing with new errors; a part that an import has set aside stays so."""

from __future__ import annotations

from typing import Any

from idp.flows.versions.publishing import judged
from tests.flows.bench import all_edits, flow, loaded, step

BROKEN = flow("broken", step("face-at-the-counter"))


def foreign(found: dict[str, Any]) -> None:
    found["clients"][0]["redirectUris"].append("http://elsewhere.example/*")


def renamed(found: dict[str, Any]) -> None:
    found["displayName"] = "A new name"


def another(found: dict[str, Any]) -> None:
    found["clients"][1]["redirectUris"].append("http://somewhere.example/*")


def unbound(found: dict[str, Any]) -> None:
    found["authenticationFlows"].append(BROKEN)
    found |= {"registrationAllowed": True, "registrationFlow": "broken"}


def bound(found: dict[str, Any]) -> None:
    found["browserFlow"] = "broken"


def test_what_is_set_aside_already_does_not_keep_a_change_from_being_published() -> None:
    judgement = judged(loaded(all_edits(foreign, renamed)), live=loaded(foreign))
    assert judgement.errors == ()


def test_a_new_error_is_refused_beside_one_that_is_set_aside() -> None:
    judgement = judged(loaded(all_edits(foreign, another)), live=loaded(foreign))
    assert [finding.pointer for finding in judgement.errors] == ["/clients/1/redirectUris/1"]


def test_without_a_version_before_every_error_refuses() -> None:
    assert judged(loaded(foreign), live=None).errors


def test_what_is_set_aside_in_one_place_is_refused_where_it_is_the_login() -> None:
    assert judged(loaded(all_edits(unbound, bound)), live=loaded(unbound)).errors
