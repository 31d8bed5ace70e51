"""A weak set of a proof → a program that shows it: the walker of `attack.py` with the case written into it."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping
from importlib.resources import files
from typing import Any

from idp.assurance.credentials import MESSAGE, PASSWORD, TOKEN
from idp.assurance.customers import Customer
from idp.assurance.prover import DELIVERY, MinimalSet, Proved
from idp.assurance.replay.attack import ANSWERED, SILENT
from idp.assurance.replay.sandbox import CALLBACK, Held, client_for, replayable
from idp.flows.strength.levels import acr_of
from idp.model.flow_kind import FlowKind
from idp.model.realm import Realm
from idp.model.struct import Frozen

_HANDS = frozenset({PASSWORD, TOKEN, MESSAGE})
"""The things that a script can hold."""

_ANSWERED = ANSWERED | SILENT | {f"{step} ✗" for step in ANSWERED}


class Script(Frozen, frozen=True, kw_only=True):
    """A program and the name of its file; or, with no source, why there is none."""

    name: str
    source: str = ""
    why_not: str = ""


def scripts(proved: Proved, document: Mapping[str, Any]) -> Iterator[Script]:
    """Yield a script for every weak set, also for one that the bank has acknowledged."""
    for one in proved.proof.weak:
        yield script(proved, document, one)


def script(proved: Proved, document: Mapping[str, Any], one: MinimalSet) -> Script:
    """Return the script that shows one set."""
    name = f"level-{one.level}-by-{'-and-'.join(sorted(one.names)) or 'nothing'}.py"
    number = next(n for n, customer in enumerate(proved.customers) if customer.name == one.customers[0])
    customer = proved.customers[number]
    if any(ceremony.assumes for ceremony in one.script):
        return Script(name=name, why_not="it needs a customer, or a network, that the realm file does not describe")
    if any(not FlowKind(ceremony.kind).binding.address for ceremony in one.script if ceremony.kind != DELIVERY):
        return Script(name=name, why_not="it goes through a flow that has no pages")
    beyond = {step for ceremony in one.script for step in ceremony.steps if ceremony.kind != DELIVERY} - _ANSWERED
    if not replayable(customer) or not one.names <= _HANDS or beyond:
        return Script(name=name, why_not=f"it needs more than a script can do: {', '.join(sorted(beyond | one.names))}")
    case = {
        "realm": proved.assembled.realm.name,
        "against": customer.name,
        "username": Held(number).username,
        "holding": sorted(one.names),
        "held": _held(one, customer, Held(number)),
        "first_policy": {"period": 30, "digits": 6, "algorithm": "sha1"},
        "policy": _policy(proved.assembled.realm),
        "acrs": _acrs(proved.assembled.realm, one.level),
        "callback": CALLBACK,
        "ceremonies": list(_ceremonies(document, one)),
    }
    written = json.dumps(json.dumps(case, ensure_ascii=False, sort_keys=True), ensure_ascii=False)
    walker = files("idp.assurance.replay").joinpath("attack.py").read_text(encoding="utf-8")
    source = re.sub(
        r"^CASE: .*$", lambda _: f"CASE: dict[str, Any] = json.loads({written})", walker, flags=re.MULTILINE
    )
    return Script(name=name, source=source)


def _held(one: MinimalSet, customer: Customer, held: Held) -> dict[str, Any]:
    things = {
        PASSWORD: {"password": held.password},
        TOKEN: {"seed": base64.b64encode(held.seed.encode()).decode()},
        MESSAGE: {"phone": held.phone},
    }
    if customer.delivered_by is not None:
        things[PASSWORD] = {"phone": held.phone}  # the bank made it, and sent it there
    return {key: value for name in sorted(one.names) for key, value in things[name].items()}


def _policy(realm: Realm) -> dict[str, Any]:
    policy = realm.otp_policy
    algorithm = policy.algorithm.removeprefix("Hmac").lower()
    return {"period": policy.period, "digits": policy.digits, "algorithm": algorithm}


def _acrs(realm: Realm, level: int) -> list[str]:
    """Return every acr that says at least this level."""
    return sorted(
        {acr_of(realm, higher) for higher in (level, 2)} - ({acr_of(realm, level - 1)} if level > 1 else set())
    )


def _ceremonies(document: Mapping[str, Any], one: MinimalSet) -> Iterator[dict[str, Any]]:
    for ceremony in one.script:
        if ceremony.kind != DELIVERY:
            yield {
                "kind": ceremony.kind,
                "flow": ceremony.flow,
                "steps": list(ceremony.steps),
                "places": list(ceremony.places),
                "client": client_for(document, ceremony.kind, ceremony.flow),
                "address": FlowKind(ceremony.kind).binding.address,
            }
