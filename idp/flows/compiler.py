"""Flows of a realm file → the trees that the server runs. Refuses every shape that Keycloak silently reinterprets.

All problems of all flows come back together, each with the JSON pointer of the line at fault and a repair.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import TypeVar

import msgspec

from idp.crypto.digest import digest
from idp.flows.brokering.upstream import REDIRECTOR
from idp.flows.condition import ConditionType
from idp.flows.engine import passed
from idp.flows.facts import LOGIN_SUBFLOWS
from idp.flows.findings.shapes import shape_findings
from idp.flows.registry import ACTIONS, CONDITIONS, FORMS, STEPS
from idp.flows.strength.blocks import Block, blocks_of, longest_ages
from idp.flows.tree import Execution, Node, Subflow, guards, leaves, subflows
from idp.model.finding import Finding, Severity
from idp.model.flow import Flow, FlowExecution, RequiredActionSetting, Requirement, Status
from idp.model.flow_kind import FlowKind
from idp.model.realm import Realm
from idp.model.struct import Frozen

C = TypeVar("C", bound=msgspec.Struct)

# Keycloak writes these into any step's configuration: what `amr` says of it, and for how many seconds.
MAX_AUTH_AGE = "max_auth_age"
"""Keycloak's setting of any required action: for how many seconds a proof is good enough for it."""
_LONGEST_AGE = 9  # digits
_REFERENCE, _REFERENCE_AGE = "default.reference.value", "default.reference.maxAge"


# Steps for members of organizations, which do not exist here: nobody is configured for them.
_OF_ORGANIZATIONS = frozenset({"organization", "idp-add-organization-member"})


_FORM = "registration-page-form"  # the only form that Keycloak has; its own default flows do not always name it


class CompiledFlow(Frozen, frozen=True, kw_only=True):
    """One top-level flow, ready to run, with its blocks of levels and for how long a proof lasts in them.

    `watched` are the sub-flows at which a condition of the flow looks.
    """

    alias: str
    root: Subflow
    blocks: tuple[Block, ...] = ()
    longest_ages: dict[str, int] = {}
    watched: tuple[Subflow, ...] = ()

    def executed(self, progress: Mapping[str, Status]) -> frozenset[str]:
        """Return the aliases of the sub-flows that have been passed, if a condition of the flow looks at that."""
        return frozenset(node.alias for node in self.watched if passed(node, progress))

    @property
    def lowest_level(self) -> int:
        """The lowest level that a block of the flow gives: it is demanded of everybody. 0 for a flow without blocks."""
        return min((block.level for block in self.blocks), default=0)

    def allows_sso(self) -> bool:
        """Tell whether an existing user session may answer for this flow (it has an enabled `auth-cookie`)."""
        return self.cookie() is not None

    def redirector(self) -> Execution | None:
        """Return the place at which a person is sent to another provider, if the flow has one."""
        return next((leaf for leaf in leaves(self.root) if leaf.authenticator == REDIRECTOR), None)

    def cookie(self) -> Execution | None:
        """Return the place of the cookie step, if the flow has one."""
        enabled = (child for child in self.root.children if child.requirement is not Requirement.DISABLED)
        return next((c for c in enabled if isinstance(c, Execution) and c.authenticator == "auth-cookie"), None)


def bound_aliases(realm: Realm) -> set[str]:
    """Return the aliases of every flow that the realm or one of its clients runs."""
    own = {alias for client in realm.clients.values() for alias in client.flow_bindings.values()}
    first = {upstream.first_login_flow for upstream in realm.upstreams.values()} - {""}
    return set(realm.bindings.values()) | own | first


def compile_realm(realm: Realm) -> tuple[dict[str, CompiledFlow], list[Finding]]:
    """Compile every bound flow and check the required actions; the flows that have errors are not returned."""
    compiled: dict[str, CompiledFlow] = {}
    findings = list(_binding_findings(realm)) + list(_action_findings(realm))
    for alias in sorted(bound_aliases(realm) & realm.flows.keys()):
        found: list[Finding] = []
        root = _Assembly(realm, found).subflow(realm.flows[alias], alias, Requirement.REQUIRED, ())
        if not any(f.severity is Severity.ERROR for f in found):
            found.extend(shape_findings(root))
        findings.extend(found)
        if not any(f.severity is Severity.ERROR for f in found):
            blocks = tuple(blocks_of(root))
            ages = longest_ages(blocks)
            compiled[alias] = CompiledFlow(
                alias=alias, root=root, blocks=blocks, longest_ages=ages, watched=tuple(_watched(root))
            )
    findings.extend(_account_findings(realm, compiled))
    return compiled, findings


def _watched(root: Subflow) -> Iterator[Subflow]:
    """Yield the sub-flows that a condition of the flow names, by `flow_to_check`."""
    conditions = [g for g in guards(root) if LOGIN_SUBFLOWS in CONDITIONS[g.authenticator].depends_on]
    named = {value for guard in conditions for value in guard.config.values()}
    yield from (node for node in subflows(root) if node.alias in named)


class _Assembly:
    """Puts the flat list of a realm file together as a tree, collecting what is wrong."""

    def __init__(self, realm: Realm, findings: list[Finding]) -> None:
        self._realm = realm
        self._findings = findings

    def subflow(self, flow: Flow, path: str, requirement: Requirement, above: tuple[str, ...]) -> Subflow:
        children: list[Node] = []
        conditions: list[Execution] = []
        absent: list[FlowExecution] = []
        for position, line in enumerate(sorted(flow.executions, key=lambda e: e.priority)):
            if self._is_absent(line, (*above, flow.alias)):
                absent.append(line)
                continue
            node = self._node(line, f"{path}/{position}", (*above, flow.alias))
            if isinstance(node, Execution) and node.authenticator in CONDITIONS:
                conditions.append(node)
            elif node is not None:
                children.append(node)
        self._absent_findings(absent, children)
        return Subflow(
            id=_node_id(path),
            alias=flow.alias,
            requirement=requirement,
            children=tuple(children),
            conditions=tuple(conditions),
            pointer=flow.pointer,
        )

    def _node(self, line: FlowExecution, path: str, above: tuple[str, ...]) -> Node | None:
        known = len(self._findings)
        node = self._made(line, path, above)
        if line.requirement is Requirement.DISABLED:
            del self._findings[known:]  # a disabled line asks for nothing, whatever it names
        return node

    def _made(self, line: FlowExecution, path: str, above: tuple[str, ...]) -> Node | None:
        if line.flow_alias is None:
            return self._leaf(line, path)
        inner = self._realm.flows.get(line.flow_alias)
        if inner is None:
            self._error("F-UNKNOWN-FLOW", line, f"There is no flow “{line.flow_alias}”.", "Add it, or mend flowAlias.")
            return None
        if inner.alias in above:
            self._error("F-CYCLE", line, f"Flow “{inner.alias}” contains itself.", "Remove this execution.")
            return None
        if inner.provider_id == "form-flow":
            return self._form(line, inner, path)
        return self.subflow(inner, path, line.requirement, above)

    def _form(self, line: FlowExecution, inner: Flow, path: str) -> Execution | None:
        """Compile a page that is a flow of its own: one leaf, with the page's parts."""
        name = line.authenticator or _FORM
        if name not in FORMS:
            self._error("F-UNKNOWN-STEP", line, f"There is no form “{name}”.", f"Use one of: {', '.join(FORMS)}.")
            return None
        enabled = [one for one in inner.executions if one.requirement is not Requirement.DISABLED]
        parts = [self._part(one, name, path) for one in sorted(enabled, key=lambda one: one.priority)]
        return Execution(
            id=_node_id(f"{path}/{name}"),
            authenticator=name,
            requirement=line.requirement,
            pointer=line.pointer,
            form=tuple(part for part in parts if part is not None),
        )

    def _part(self, line: FlowExecution, form: str, path: str) -> Execution | None:
        name = line.authenticator or ""
        if name in FORMS[form]:
            place = f"{path}/{form}/{name}"
            return Execution(id=_node_id(place), authenticator=name, requirement=line.requirement, pointer=line.pointer)
        # A captcha would be another page's script on the bank's own page; what it is for, budgets of addresses do.
        severity = Severity.WARNING if "captcha" in name else Severity.ERROR
        repair = f"Set it to DISABLED, or use one of: {', '.join(sorted(FORMS[form]))}."
        problem = f"The form “{form}” has no part “{name}”: it is not shown and not checked."
        self._findings.append(
            Finding(rule="F-FORM-PART", severity=severity, pointer=line.pointer, problem=problem, repair=repair)
        )
        return None

    def _is_absent(self, line: FlowExecution, above: tuple[str, ...]) -> bool:
        """Tell whether a way to log in needs what does not exist here, so that nobody can ever take it.

        Only what Keycloak itself passes by where it is not configured: an alternative, and a sub-flow that asks
        whether the user is configured for it. A step that is demanded is never left out.
        """
        if line.requirement is Requirement.DISABLED:
            return False
        if line.flow_alias is None:
            name = line.authenticator or ""
            unknown = name not in STEPS and name not in CONDITIONS
            return unknown and (line.requirement is Requirement.ALTERNATIVE or name in _OF_ORGANIZATIONS)
        inner = self._realm.flows.get(line.flow_alias)
        if inner is None or inner.alias in above or line.requirement is Requirement.REQUIRED:
            return False
        enabled = [one for one in inner.executions if one.requirement is not Requirement.DISABLED]
        guards = [one.authenticator for one in enabled if one.authenticator in CONDITIONS]
        if line.requirement is Requirement.CONDITIONAL and "conditional-user-configured" not in guards:
            return False
        steps = [one for one in enabled if one.authenticator not in CONDITIONS]
        return bool(steps) and all(self._is_absent(one, (*above, inner.alias)) for one in steps)

    def _absent_findings(self, absent: list[FlowExecution], children: list[Node]) -> None:
        """Say what is never offered; where nothing else leads to a login, the flow cannot run."""
        enabled = (child for child in children if child.requirement is not Requirement.DISABLED)
        others = any(not (isinstance(child, Execution) and child.authenticator == "auth-cookie") for child in enabled)
        for line in absent:
            name = line.flow_alias or line.authenticator
            problem = f"“{name}” needs what does not exist here: this way to log in is never offered."
            severity = Severity.WARNING if others or line.requirement is Requirement.CONDITIONAL else Severity.ERROR
            repair = "Nothing needs to be done, unless customers log in by it; then give them another way."
            self._findings.append(
                Finding(rule="F-UNKNOWN-STEP", severity=severity, pointer=line.pointer, problem=problem, repair=repair)
            )

    def _leaf(self, line: FlowExecution, path: str) -> Execution | None:
        name = line.authenticator or ""
        if name not in STEPS and name not in CONDITIONS:
            known = sorted((*STEPS, *CONDITIONS))
            near = "".join(f"Perhaps “{one}” is meant. " for one in get_close_matches(name, known, n=1))
            repair = f"{near}Use one of: {', '.join(known)}."
            self._error("F-UNKNOWN-STEP", line, f"There is no authenticator “{name}”.", repair)
            return None
        config = self._config(line)
        made = self._check_config(line, (STEPS.get(name) or CONDITIONS[name]).config_type, config)
        if made is not None and name in CONDITIONS:
            self._check_names(line, CONDITIONS[name], made)
        reference, age = self._reference(line)
        return Execution(
            id=_node_id(f"{path}/{name}"),
            authenticator=name,
            requirement=line.requirement,
            config=config,
            pointer=line.pointer,
            reference=reference,
            reference_age=age,
        )

    def _reference(self, line: FlowExecution) -> tuple[str, int | None]:
        """Return what the realm lets `amr` say of a step."""
        config = self._realm.authenticator_config.get(line.config_alias or "", {})
        reference, age = config.get(_REFERENCE, ""), config.get(_REFERENCE_AGE, "")
        if age and not (age.isascii() and age.isdigit()):
            self._error(
                "F-STEP-CONFIG",
                line,
                f"{_REFERENCE_AGE} of the configuration “{line.config_alias}” is no number of seconds.",
                "Write a number, or leave it out.",
            )
            return reference, 0
        return reference, int(age) if age else None

    def _config(self, line: FlowExecution) -> dict[str, str]:
        if line.config_alias is None:
            return {}
        config = self._realm.authenticator_config.get(line.config_alias)
        if config is None:
            self._error(
                "F-UNKNOWN-CONFIG",
                line,
                f"There is no authenticatorConfig “{line.config_alias}”.",
                "Add it to authenticatorConfig, or mend the alias.",
            )
            return {}
        # Keycloak's console writes what was left empty as an empty text.
        return {key: value for key, value in config.items() if key not in {_REFERENCE, _REFERENCE_AGE} and value}

    def _check_config(self, line: FlowExecution, kind: type[C], config: dict[str, str]) -> C | None:
        try:
            return msgspec.convert(config, kind, strict=False)
        except msgspec.ValidationError as error:
            self._error(
                "F-STEP-CONFIG",
                line,
                f"The configuration “{line.config_alias}” of {line.authenticator} is not valid: {error}.",
                "Mend the value; keys and limits stand in docs/administrators.md.",
            )
        return None

    def _check_names(self, line: FlowExecution, kind: ConditionType, config: msgspec.Struct) -> None:
        missing = kind.missing(config, self._realm)
        if missing is not None:
            self._error(
                "F-CONDITION-REFERENCE",
                line,
                f"{line.authenticator} names {missing}, which the realm does not have.",
                "Name one that there is; Keycloak would take the condition for false and say nothing.",
            )

    def _error(self, rule: str, line: FlowExecution, problem: str, repair: str) -> None:
        self._findings.append(
            Finding(rule=rule, severity=Severity.ERROR, pointer=line.pointer, problem=problem, repair=repair)
        )


def _node_id(path: str) -> str:
    """Return a short name for a place, the same on every node (an `execution` parameter of Keycloak's addresses)."""
    return digest(path)[:16]


def _account_findings(realm: Realm, compiled: Mapping[str, CompiledFlow]) -> Iterator[Finding]:
    """Yield the bindings by which a flow that makes accounts would log somebody in."""
    bound = [*realm.bindings.items(), *(b for client in realm.every_client for b in client.flow_bindings.items())]
    for alias in dict.fromkeys(alias for kind, alias in bound if FlowKind(kind).ends_in_session and alias in compiled):
        for leaf in leaves(compiled[alias].root):
            if STEPS[leaf.authenticator].contract.makes_user:
                yield Finding(
                    rule="F-ACCOUNT-IN-LOGIN",
                    severity=Severity.ERROR,
                    pointer=leaf.pointer,
                    problem=f"“{alias}” logs people in, and {leaf.authenticator} makes an account for anybody in it.",
                    repair="Bind the flow as registrationFlow, and another one here.",
                )


def _binding_findings(realm: Realm) -> Iterator[Finding]:
    for kind, alias in realm.bindings.items():
        if alias not in realm.flows:
            yield Finding(
                rule="F-UNKNOWN-FLOW",
                severity=Severity.ERROR,
                pointer=FlowKind(kind).binding.pointer,
                problem=f"The binding “{kind}” names the flow “{alias}”, which the file does not have.",
                repair="Add the flow to authenticationFlows, or bind another one.",
            )
    for position, client in enumerate(realm.clients.values()):
        for kind, alias in client.flow_bindings.items():
            if alias not in realm.flows:
                yield Finding(
                    rule="F-UNKNOWN-FLOW",
                    severity=Severity.ERROR,
                    pointer=f"/clients/{position}/authenticationFlowBindingOverrides/{kind}",
                    problem=f"Client “{client.client_id}” overrides “{kind}” with an unknown flow “{alias}”.",
                    repair="Name the id of a flow of this file in authenticationFlowBindingOverrides.",
                )


def own_config(setting: RequiredActionSetting) -> dict[str, str]:
    """Return what is configured of an action, without what every action may have."""
    return {key: value for key, value in setting.config.items() if key != MAX_AUTH_AGE}


def _action_findings(realm: Realm) -> Iterator[Finding]:
    for setting in realm.required_actions:
        if not setting.enabled:
            continue
        kind = ACTIONS.get(setting.alias)
        if kind is None and not setting.pointer:
            continue  # one of Keycloak's own that the file does not ask for
        if kind is None:
            yield Finding(
                rule="A-UNKNOWN-ACTION",
                severity=Severity.ERROR if setting.default_action else Severity.WARNING,
                pointer=setting.pointer,
                problem=f"There is no required action “{setting.alias}”; a user who has it cannot finish a login.",
                repair=f"Disable it, or use one of: {', '.join(sorted(ACTIONS))}.",
            )
            continue
        age = setting.config.get(MAX_AUTH_AGE, "0")
        if not (age.isascii() and age.isdigit() and len(age) <= _LONGEST_AGE):
            yield Finding(
                rule="A-ACTION-CONFIG",
                severity=Severity.ERROR,
                pointer=f"{setting.pointer}/config/{MAX_AUTH_AGE}",
                problem=f"{MAX_AUTH_AGE} of {setting.alias} is no number of seconds.",
                repair="Write a number; 300 is the default.",
            )
        try:
            msgspec.convert(own_config(setting), kind.config_type, strict=False)
        except msgspec.ValidationError as error:
            yield Finding(
                rule="A-ACTION-CONFIG",
                severity=Severity.ERROR,
                pointer=f"{setting.pointer}/config",
                problem=f"The configuration of {setting.alias} is not valid: {error}.",
                repair="Mend the value; keys and limits stand in docs/administrators.md.",
            )
