"""One version of a realm, compiled and with its steps made: what a running login holds on to."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from idp.flows.actions.consent import EXECUTION_ID as CONSENT
from idp.flows.actions.consent import AskConsent
from idp.flows.compiler import MAX_AUTH_AGE, CompiledFlow, compile_realm, own_config
from idp.flows.condition import Condition, Surroundings
from idp.flows.engine import Usability
from idp.flows.facts import Facts
from idp.flows.preference import rank
from idp.flows.registry import ACTIONS, CONDITIONS, STEPS
from idp.flows.step import Authenticator, RequiredAction, StepContract, StepServices
from idp.flows.steps.first_broker_login import LINK, LinkIdentity
from idp.flows.strength.levels import TWO_FACTORS
from idp.flows.tree import Execution, Subflow, guards, leaves
from idp.flows.webauthn.factors import with_passkeys
from idp.model.client import Client
from idp.model.flow import Requirement
from idp.model.flow_kind import FlowKind
from idp.model.oauth import AskedAction
from idp.model.realm import Realm
from idp.model.user import User

_LONGEST_PROOF = 300  # seconds; Keycloak's default of `max_auth_age`


class UnusableRealmError(Exception):
    """The realm has findings with which no login may run."""


class AssembledRealm:
    """A realm's compiled flows and the steps at their places; a login keeps the one it began with."""

    def __init__(self, realm: Realm, services: StepServices) -> None:
        flows, findings = compile_realm(realm)
        errors = [finding for finding in findings if finding.severity.value == "error"]
        if errors:
            raise UnusableRealmError("\n".join(str(error) for error in errors))
        self.realm = realm
        self.flows = flows
        self._steps: dict[str, Authenticator] = {
            CONSENT: AskConsent(realm=realm, services=services),
        }
        if FlowKind.FIRST_BROKER_LOGIN.value in realm.bindings:
            self._steps[LINK] = LinkIdentity(realm=realm, services=services)
        self._actions: dict[str, RequiredAction] = {}
        self._priorities: dict[str, int] = {}
        self._highest: dict[str, int] = {}
        self._ages: dict[str, int] = {}
        for flow in flows.values():
            for execution in leaves(flow.root):
                kind = STEPS[execution.authenticator]
                config = msgspec.convert(execution.config, kind.config_type, strict=False)
                self._steps[execution.id] = kind(execution, config, realm=realm, services=services)
        for setting in realm.required_actions:
            if setting.enabled and setting.alias in ACTIONS:
                made = ACTIONS[setting.alias]
                config = msgspec.convert(own_config(setting), made.config_type, strict=False)
                self._ages[setting.alias] = int(setting.config.get(MAX_AUTH_AGE, _LONGEST_PROOF))
                action = made(setting, config, realm=realm, services=services)
                self._actions[setting.alias] = action
                self._steps[action_id(setting.alias)] = action
                self._priorities[setting.alias] = setting.priority
        self._disabled = {s.alias for s in realm.required_actions if not s.enabled}
        self._conditions: dict[str, Condition] = {}
        for flow in flows.values():
            surroundings = Surroundings(realm=realm, usable=self._usable, lowest_level=flow.lowest_level)
            for guard in guards(flow.root):
                kind_of = CONDITIONS[guard.authenticator]
                config = msgspec.convert(guard.config, kind_of.config_type, strict=False)
                self._conditions[guard.id] = kind_of(config, surroundings=surroundings)

    def flow_for(self, kind: FlowKind, client: Client | None) -> CompiledFlow | None:
        """Return the flow of that kind: the client's own, or the realm's."""
        own = client.flow_bindings.get(kind.value) if client is not None else None
        alias = own or self.realm.bindings.get(kind.value)
        return self.flows.get(alias) if alias is not None else None

    def highest_level(self, alias: str) -> int:
        """Return the level that no login by a flow can exceed: what its steps could prove, were all of them taken."""
        if alias not in self._highest:
            self._highest[alias] = self._highest_level(self.flows[alias])
        return self._highest[alias]

    def _highest_level(self, flow: CompiledFlow) -> int:
        if flow.blocks:
            return max(block.level for block in flow.blocks)
        contracts = (self.contract(execution.id) for execution in leaves(flow.root))
        return min(len({factor.category for c in contracts for factor in c.factors.values()}), TWO_FACTORS)

    def step(self, execution_id: str) -> Authenticator:
        """Return the step at a place."""
        return self._steps[execution_id]

    def contract(self, execution_id: str) -> StepContract:
        """Return what the step at a place needs and proves in this realm."""
        return with_passkeys(self._steps[execution_id].contract, self.realm.webauthn_passwordless)

    def contracts(self) -> Iterator[StepContract]:
        """Yield the contract of every step and required action at its place."""
        return map(self.contract, self._steps)

    def usable(self, execution: Execution, user: User | None) -> Usability:
        """Tell whether a step can be asked; setting up counts only where the realm has the action for it."""
        return self._usable(execution, user)

    def _usable(self, execution: Execution, user: User | None) -> Usability:
        step = self._steps[execution.id]
        usability = step.usable(user)
        if usability is not Usability.SETUP:
            return usability
        may_set_up = execution.requirement is Requirement.REQUIRED and step.contract.setup_action in self._actions
        return Usability.SETUP if may_set_up else Usability.NO

    def rank(self, execution: Execution, user: User | None) -> int | None:
        """Return the place of a step's credential in the order that the user saved; None if it has none."""
        return rank(self.contract(execution.id), user)

    def holds(self, condition: Execution, guarded: Subflow, facts: Facts) -> bool:
        """Tell whether a condition holds; one that needs a user never holds without one."""
        if CONDITIONS[condition.authenticator].needs_user and facts.user is None:
            return False
        return self._conditions[condition.id].holds(facts, guarded)

    def pending_actions(self, user: User, added: tuple[str, ...], now: int) -> tuple[Execution, ...]:
        """Return what the user must still do, by the realm's priority; an unknown action has no step and blocks."""
        due = {alias for alias, action in self._actions.items() if action.due(user, now)}
        wanted = (set(user.required_actions) | set(added) | due) - self._disabled
        ordered = sorted(wanted, key=lambda alias: (self._priorities.get(alias, 0), alias))
        return tuple(action_execution(alias) for alias in ordered)

    def asked_action(self, asked: AskedAction | None) -> str | None:
        """Return the alias of the action that an application asks for, if the realm has it and lets them ask."""
        if asked is None or asked.alias not in self._actions:
            return None
        return asked.alias if self.contract(action_id(asked.alias)).on_request else None

    def longest_proof(self, alias: str) -> int:
        """Return how many seconds ago a factor may have been proven for an action that an application asks for."""
        return self._ages[alias]

    def knows_action(self, alias: str) -> bool:
        """Tell whether the realm can ask for an action."""
        return alias in self._actions


def action_id(alias: str) -> str:
    """Return the execution id of a required action."""
    return f"action-{alias}"


def follows_flow(execution_id: str) -> bool:
    """Tell whether an execution comes after the flow: a required action, or consent."""
    return execution_id == CONSENT or execution_id.startswith(action_id(""))


def action_execution(alias: str) -> Execution:
    """Return the execution that a required action becomes at the end of a login."""
    return Execution(id=action_id(alias), authenticator=alias, requirement=Requirement.REQUIRED)


LINK_EXECUTION = Execution(id=LINK, authenticator=LINK, requirement=Requirement.REQUIRED)
CONSENT_EXECUTION = Execution(id=CONSENT, authenticator=CONSENT, requirement=Requirement.REQUIRED)
