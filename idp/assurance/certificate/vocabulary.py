"""What a certificate speaks in: every step's contract as data, found by asking the steps themselves.

It is the same for every realm, so it is published (`docs/step-contracts.json`), and the checker knows its digest: a
certificate that means something else by a step is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from idp.assurance.assumptions import ASSUMPTIONS
from idp.assurance.credentials import CREDENTIALS, PASSWORD, given, with_parts
from idp.assurance.symbolic import CUSTOMERS, KNOWN, NEGATIONS
from idp.assurance.untouched import no_services
from idp.flows.credentials.held import STRONG
from idp.flows.engine import Usability
from idp.flows.facts import REQUEST_LEVEL
from idp.flows.registry import ACTIONS, CONDITIONS, STEPS
from idp.flows.step import Authenticator, RequiredAction, StepContract
from idp.flows.tree import Execution
from idp.flows.webauthn.factors import with_passkeys
from idp.model.credentials.webauthn import WebAuthnPolicy
from idp.model.flow import RequiredActionSetting, Requirement
from idp.model.flow_kind import FlowKind
from idp.model.realm import Realm
from idp.model.user import PasswordCredential, User
from idp.realms.stock import stock_actions, with_stock_configuration, with_stock_flows

_ANYBODY, _NOBODY, _SOMEBODY = "anybody", "nobody", "somebody"
_REALM = Realm(name="any", version="")


class NotCertifiableError(Exception):
    """A step behaves in a way that a contract cannot say as data, so that no checker could follow it."""


def vocabulary() -> dict[str, Any]:
    """Return the contracts of all steps and required actions, and what every proof assumes."""
    steps = {name: described(_step(name)) for name in sorted(STEPS)}
    actions = {name: {**described(_action(name)), "due": _due(name)} for name in sorted(ACTIONS)}
    return {
        "steps": steps,
        "passkey_pages": _passkey_pages(),
        "actions": actions,
        "conditions": {name: _condition(name) for name in sorted(CONDITIONS)},
        "negations": list(NEGATIONS),
        "kinds": {kind.value: msgspec.to_builtins(kind.binding) for kind in FlowKind},
        "early": sorted(name for name, known in CREDENTIALS.items() if known.from_the_start),
        "parts": {name: known.part_of for name, known in CREDENTIALS.items() if known.part_of},
        "stock": _stock(),
        "assumptions": list(ASSUMPTIONS),
    }


def _passkey_pages() -> dict[str, Any]:
    """Return the contracts of the steps whose page takes passkeys too, where the realm has them."""
    policy = WebAuthnPolicy(passkeys=True)
    offering = (name for name in sorted(STEPS) if STEPS[name].contract.offers_passkeys)
    return {name: described(_step(name), with_passkeys(STEPS[name].contract, policy)) for name in offering}


def _stock() -> dict[str, Any]:
    """Return what absent sections of a realm file mean, in Keycloak's shape."""
    flows = [
        {
            "alias": flow.alias,
            "providerId": flow.provider_id,
            "authenticationExecutions": [
                {
                    "requirement": line.requirement.value,
                    "priority": line.priority,
                    "authenticator": line.authenticator,
                    "flowAlias": line.flow_alias,
                    "authenticatorConfig": line.config_alias,
                }
                for line in flow.executions
            ],
        }
        for flow in with_stock_flows({}).values()
    ]
    configs = [{"alias": alias, "config": config} for alias, config in with_stock_configuration({}).items()]
    actions = [
        {"alias": s.alias, "enabled": s.enabled, "defaultAction": s.default_action, "priority": s.priority}
        for s in stock_actions()
    ]
    return {"authenticationFlows": flows, "authenticatorConfig": configs, "requiredActions": actions}


def _condition(name: str) -> dict[str, Any]:
    """Return whether a checker follows a condition by its own rules, or both ways, and what it is about then."""
    kind = CONDITIONS[name]
    followed = kind.depends_on <= KNOWN or kind.depends_on == {REQUEST_LEVEL}
    about = "followed" if followed else "customer" if kind.depends_on <= CUSTOMERS else "login"
    return {"about": about, "needs_user": kind.needs_user}


def described(step: Authenticator, contract: StepContract | None = None) -> dict[str, Any]:
    """Return a step's contract as data, with whom it asks: `asks` is a factor where it asks those who have it."""
    contract = contract or step.contract
    return {
        "proves": _ways(contract),
        "identifies": contract.identifies,
        "asks": asks(step.usable),
        "holders_of": contract.holders_of,
        "changes": _changes(contract),
        "refuses": contract.refuses,
        "set_up": contract.setup_action if _sets_up(step.usable) else None,
    }


def asks(usable: Callable[[User | None], Usability]) -> str:
    """Return whom a step can be asked: anybody, somebody who is identified, nobody, or the holders of a factor.

    Raises:
        NotCertifiableError: none of these.

    """
    if usable(None) is Usability.READY:
        return _ANYBODY
    users = [_user(*names) for names in _possessions()]
    ready = [usable(user) is Usability.READY for user in users]
    if all(ready):
        return _SOMEBODY
    if not any(ready):
        return _NOBODY
    for name, known in CREDENTIALS.items():
        if ready == [known.held(user) for user in users]:
            return name
    raise NotCertifiableError("whom the step asks does not follow from one factor")


def _possessions() -> list[tuple[str, ...]]:
    """Return nothing, each credential alone, all but each, and everything: enough to tell one factor from another."""
    names = tuple(CREDENTIALS)
    return [(), names, *((name,) for name in names), *(tuple(n for n in names if n != name) for name in names)]


def _sets_up(usable: Callable[[User | None], Usability]) -> bool:
    return usable(_user()) is Usability.SETUP


def _user(*names: str) -> User:
    user = User(id="somebody", username="somebody", created_at=0)
    for name in names:
        user = given(user, name)
    return user


def _ways(contract: StepContract) -> list[list[dict[str, str]]]:
    return [[{"factor": f.name, "category": f.category.value, "channel": f.channel} for f in w] for w in contract.ways]


def _changes(contract: StepContract) -> dict[str, Any] | None:
    change = contract.changes
    if change is None:
        return None
    assert change.guarded_by <= STRONG, "what guards a credential is what `strong_factors` looks at"
    return {
        "credential": change.credential,
        "gives": sorted(with_parts(change.credential)),
        "never_by": sorted(change.never_by),
        "guarded_by": sorted(change.guarded_by),
    }


def _step(name: str) -> Authenticator:
    kind = STEPS[name]
    place = Execution(id="place", authenticator=name, requirement=Requirement.REQUIRED)
    return kind(place, kind.config_type(), realm=_REALM, services=no_services())


def _action(name: str, *, default: bool = False) -> RequiredAction:
    kind = ACTIONS[name]
    setting = RequiredActionSetting(alias=name, default_action=default)
    return kind(setting, kind.config_type(), realm=_REALM, services=no_services())


def _due(name: str) -> str:
    """Return when an action is due by itself: `always`, as `default` action, for a `temporary` password, or `never`."""
    own = _user(PASSWORD)
    first = msgspec.structs.replace(
        own, credentials=(PasswordCredential(id=PASSWORD, sealed=b"", created_at=0, temporary=True),)
    )
    if _action(name).due(own, 0):
        return "always"
    if _action(name, default=True).due(own, 0):
        return "default"
    return "temporary" if _action(name).due(first, 0) else "never"
