"""Checks a certificate of `idp flow prove --certificate` against its realm file. Needs Python and nothing else.

    python checker.py CERTIFICATE REALM

It shares no line with the prover: it compiles the flows of the file, derives from the published contracts what follows
each state of a login, demands that exactly the states that can be reached are listed, and finds the minimal sets anew.
A customer is (has a first password, factors, actions asked for).
"""

from __future__ import annotations

import base64
import hashlib
import json
import sys
from collections import defaultdict, namedtuple
from itertools import combinations, product
from pathlib import Path
from typing import Any

PUBLISHED = "7cbb5483ba57ca0eb15e09816580f4f6d42cf0c41b1d2dca8725f85670af260d"
FORMAT, PASSED, BLOCKED, IGNORED, TWO = "hyrja-certificate-1", "passed", "blocked", "ignored", 2
LEVEL, BLOCK = "login: the level that is asked for", "conditional-level-of-authentication"
State: Any = namedtuple("State", "progress known queue customer evidence needs made world")  # noqa: PYI024 - one line


class WrongError(Exception):
    """The certificate does not say what follows from the file; inside: a question, and the answers to follow."""


def digest(content: Any) -> str:
    """Return the SHA-256 of the canonical form of a document."""
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _same(what: str, listed: Any, derived: Any) -> None:
    if listed != derived:
        raise WrongError(f"{what}: listed {str(listed)[:300]}, derived {str(derived)[:300]}")


def _frozen(value: Any) -> Any:
    return tuple(map(_frozen, value)) if isinstance(value, (list, tuple)) else value


def _set(*names: Any) -> Any:
    return tuple(sorted({name for some in names for name in some}))


def _on(config: Any, *keys: str) -> bool:
    return any(config.get(key, "").lower() in {"true", "1"} for key in keys)


def _begun(trees: Any, state: Any) -> bool:
    return any(not tree["ids"].isdisjoint(key for key, _ in state.progress) for tree in trees)


class Checker:
    """Holds what the realm file and the published contracts say."""

    def __init__(self, words: Any, realm: Any) -> None:
        passkeys = words["passkey_pages"] if realm.get("webAuthnPolicyPasswordlessPasskeysEnabled") else {}
        self.words, self.contracts, self.realm = words, {**words["steps"], **passkeys, **words["actions"]}, realm
        stock = [words["stock"][key] for key in ("authenticationFlows", "authenticatorConfig")]
        self.flows = {flow["alias"]: flow for flow in [*stock[0], *realm.get("authenticationFlows", [])]}
        self.configs = {
            one["alias"]: one.get("config", {}) for one in [*stock[1], *realm.get("authenticatorConfig", [])]
        }
        actions = realm.get("requiredActions", words["stock"]["requiredActions"])
        actions = [one for one in actions if one.get("enabled", True) and one["alias"] in words["actions"]]
        self.actions = {one["alias"]: (one.get("priority", 0), one.get("defaultAction", False)) for one in actions}
        ids = {flow.get("id", alias): alias for alias, flow in self.flows.items()}
        self.bound: dict[Any, Any] = {}
        for kind, told in words["kinds"].items():
            place = realm.get("attributes", {}) if told["in_attributes"] else realm
            asking = [one for one in realm.get("clients", []) if one.get(told["client_switch"] or "clientId")]
            own = [(one.get("authenticationFlowBindingOverrides") or {}).get(told["override"]) for one in asking]
            used = (asking or not told["client_switch"]) and (not told["switch"] or realm.get(told["switch"]))
            aliases = [place.get(told["realm_key"]) or told["default"]] if used else []
            aliases += [ids.get(flow, flow) for flow in own if flow]
            self.bound |= {(kind, alias): self.tree(alias, "REQUIRED", alias) for alias in aliases if alias}
        nodes = [node for tree in self.bound.values() for node in tree["nodes"]]
        self.levels = sorted({0, *(level for tree in self.bound.values() for level, _ in tree["blocks"])})
        used = [self.contracts[step] for step in {node["step"] for node in nodes if "step" in node} | {*self.actions}]
        self.factors = {factor["factor"]: factor for one in used for way in one["proves"] for factor in way}
        given = {(one["changes"] or {}).get("credential") for one in used} | {one["holders_of"] for one in used}
        self.optional = sorted({*self.factors, *given} - {"password", None} - words["parts"].keys())

    def tree(self, alias: str, requirement: str, path: str) -> Any:
        """Compile a flow by its meaning in Keycloak: lines by priority, sub-flows in place, nothing disabled."""
        children, conditions = list[Any](), []
        lines = sorted(self.flows[alias]["authenticationExecutions"], key=lambda line: line.get("priority", 0))
        for position, line in enumerate(lines):
            place, inner, needed = f"{path}/{position}", line.get("flowAlias"), line["requirement"]
            form = self.flows.get(inner, {}).get("providerId") == "form-flow"  # a page, one step
            name = line.get("authenticator") or "registration-page-form"
            if needed != "DISABLED" and inner is not None and not form:
                node = self.tree(inner, needed, place)
                # What Keycloak passes by where it is not configured, and what does not exist, nobody can ever take.
                children += [node] if node["children"] or needed == "REQUIRED" else []
            elif needed != "DISABLED" and name in self.words["conditions"]:
                conditions.append((name, self.configs.get(line.get("authenticatorConfig"), {})))
            elif needed != "DISABLED" and name in self.contracts:
                made = base64.urlsafe_b64encode(hashlib.sha256(f"{place}/{name}".encode()).digest()).decode()[:16]
                children.append(
                    {"requirement": needed, "step": name, "id": made, "ids": {made}, "nodes": [], "blocks": []}
                )
        found: Any = {"requirement": requirement, "alias": alias, "conditions": conditions, "children": children}
        levels = [int(config["loa-condition-level"]) for name, config in conditions if name == BLOCK]
        blocks = [*((level, found) for level in levels), *(block for child in children for block in child["blocks"])]
        nodes = [node for child in children for node in (child, *child["nodes"])]
        found |= {"ids": {one for child in children for one in child["ids"]}, "nodes": nodes, "blocks": blocks}
        return found

    def customers(self) -> list[Any]:
        """Return every kind of customer that has to be judged, with the channel that brought the first password."""
        changing = sorted(a for a in self.actions if self.contracts[a]["changes"] or any(self.contracts[a]["proves"]))
        users = self.realm.get("users", [])
        by_sms = any('"deliver"' in c.get("credentialData", "") for user in users for c in user.get("credentials", []))
        dues, found = {(), *((action,) for action in changing), tuple(changing)}, set()
        for size, first, due in product(range(len(self.optional) + 1), (True, False), dues):
            for held in combinations(self.optional, size):
                if not first or set(held) <= set(self.words["early"]):
                    parts = [part for part, whole in self.words["parts"].items() if whole in held]
                    channels = {"", "sms-otp"} if first and by_sms and "sms-otp" in held else {""}
                    found |= {((first, _set(held, parts, ["password"]), due), channel) for channel in channels}
        return sorted(found)

    def configured(self, tree: Any, state: Any) -> bool:
        """Tell whether the customer can be asked a step, or has what a sub-flow asks for."""
        if "step" in tree:
            whom = self.contracts[tree["step"]]["asks"]
            return whom == "anybody" or (state.known and whom in {"somebody", *state.customer[1]})
        required = [child for child in tree["children"] if child["requirement"] == "REQUIRED"]
        return (all if required else any)(self.configured(child, state) for child in required or tree["children"])

    def holds(self, name: str, config: Any, tree: Any, state: Any) -> bool:
        """Tell whether a condition holds; what the file does not know the world of the state answers."""
        kind, used = self.words["conditions"][name], {factor for _, factor in state.evidence} or {"none"}
        if kind["needs_user"] and not state.known:
            return False
        match name:
            case "conditional-user-configured":
                return self.configured(tree, state)
            case "conditional-credential":
                return _on(config, "included") is not used.isdisjoint(config["credentials"].split("##"))
            case "conditional-sub-flow-executed":
                looked = [node for node in self.top["nodes"] if node.get("alias") == config["flow_to_check"]]
                done = any(self.passed(node, state) for node in looked)
                return done is (config.get("check_result", "executed") == "executed")
            case "conditional-level-of-authentication":
                level = int(config["loa-condition-level"])
                return (
                    level <= min(one for one, _ in self.top["blocks"])
                    or self.answer(LEVEL, state, self.levels) >= level
                )
            case _:
                return self.told(name, config, kind["about"], state)

    def told(self, name: str, config: Any, about: str, state: Any) -> bool:
        """Tell whether a condition holds about which the world of the state knows, and not the file."""
        negations = self.words["negations"]
        asked = {k: v for k, v in sorted(config.items()) if k not in negations and not k.startswith("default.ref")}
        question = f"{about}: {name} {json.dumps(asked)}"
        return bool(self.answer(question, state, [1, 0])) is not _on(config, *negations)

    def answer(self, question: str, state: Any, answers: list[int]) -> int:
        """Return what the world of the state answers."""
        if question not in dict(state.world):
            raise WrongError(question, answers)
        return int(dict(state.world)[question])

    def passed(self, tree: Any, state: Any) -> bool:
        """Tell whether a sub-flow has been passed by what was done."""
        return _begun([tree], state) and self.decide(tree, state, gone=True) == PASSED

    def level(self, state: Any) -> int:
        """Return the level of a login: of its strongest block, or, where there are none, of its evidence alone."""
        proven, blocks = {execution for execution, _ in state.evidence}, self.top["blocks"]
        evident = min(TWO, len({self.factors[factor]["category"] for _, factor in state.evidence}))
        able = [(level, node) for level, node in blocks if (level < TWO or evident == TWO) and proven & node["ids"]]
        reached = [level for level, node in able if self.passed(node, state)]
        return int(max(reached, default=min(evident, blocks[0][0]) if blocks else evident))

    def applies(self, tree: Any, state: Any, *, gone: bool) -> bool:
        """Tell whether a CONDITIONAL sub-flow is there; one that was begun, or gone by, stays as it was decided."""
        if tree["requirement"] != "CONDITIONAL" or _begun([tree], state):
            return True
        guards = tree["conditions"]
        return not gone and bool(guards) and all(self.holds(name, config, tree, state) for name, config in guards)

    def decide(self, tree: Any, state: Any, *, gone: bool) -> Any:
        """Return PASSED, BLOCKED, IGNORED, the steps that may be asked, the preferred one first, or one to set up."""
        if "step" in tree:
            done, set_up = dict(state.progress).get(tree["id"]), self.contracts[tree["step"]]["set_up"]
            if done or self.configured(tree, state):
                return [tree] if not done else BLOCKED if done == "attempted" else PASSED
            may = state.known and tree["requirement"] == "REQUIRED" and set_up in self.actions
            return (tree["id"], set_up) if may else BLOCKED
        if not self.applies(tree, state, gone=gone):
            return IGNORED
        children = tree["children"]
        if any(child["requirement"] == "ALTERNATIVE" for child in children):
            found = [(self.decide(child, state, gone=gone), child) for child in children]
            success = {key for key, status in state.progress if status == "success"}
            ways = sorted(
                found, key=lambda one: success.isdisjoint(one[1]["ids"])
            )  # who has begun a way goes on with it
            offered = [step for way, _ in ways if isinstance(way, list) for step in way]
            others = [decision for decision, _ in found if not isinstance(decision, list)]
            set_ups = [decision for decision in others if isinstance(decision, tuple)]
            left = [*set_ups, BLOCKED if BLOCKED in others else IGNORED]
            return PASSED if PASSED in others else offered or left[0]
        passed = IGNORED
        for position, child in enumerate(children):
            past = gone or _begun(children[position + 1 :], state)
            decision = self.decide(child, state, gone=past)
            if decision == IGNORED and self.applies(child, state, gone=past):
                return BLOCKED
            if decision not in (PASSED, IGNORED):
                return decision
            passed = PASSED if decision == PASSED else passed
        return passed

    def decision(self, kind: Any, tree: Any, state: Any) -> Any:
        """Return what comes next in a login: the flow, and then the actions that are due."""
        decision = self.decide(tree, state, gone=any(key.startswith("action-") for key, _ in state.progress))
        if decision != PASSED or not kind["ends_in_session"] or not state.known:
            return decision
        now = {"always": True, "never": False, "temporary": state.customer[0]}
        due = {a for a, (_, asked) in self.actions.items() if now.get(self.contracts[a]["due"], asked)}
        wanted = (due | {*state.customer[2], *state.queue}) & self.actions.keys()
        left = [(self.actions[a][0], a) for a in wanted if (f"action-{a}", "success") not in state.progress]
        return [{"id": f"action-{min(left)[1]}", "step": min(left)[1]}] if left else PASSED

    def following(self, decision: Any, state: Any) -> list[Any]:
        """Return every state that can follow a decision."""
        if isinstance(decision, tuple):
            later = _set(state.progress, [(decision[0], "setup-required")])
            return [state._replace(progress=later, queue=_set(state.queue, decision[1:]))] if state.evidence else []
        ways = decision if isinstance(decision, list) else []
        open_to_some = [way for way in ways if not self.contracts[way["step"]]["refuses"]]  # the others end the login
        failed = [(way["id"], "attempted") for way in ways[:1] if ways[1:] and way in open_to_some]
        after = [state._replace(progress=_set(state.progress, [one])) for one in failed]
        for way in open_to_some:
            proofs = [{factor["factor"] for factor in proof} for proof in self.contracts[way["step"]]["proves"]]
            after += [self.succeeded(way, one, state) for one in proofs if self.possible(way["step"], one, state)]
        return after

    def possible(self, step: str, proof: set[str], state: Any) -> bool:
        """Tell whether somebody who holds everything gets past a step, by proving these factors."""
        contract, (_, held, _), proven = self.contracts[step], state.customer, {factor for _, factor in state.evidence}
        wanted, change = proof or {contract["holders_of"]} - {None}, contract["changes"]
        if wanted or not change:
            return not wanted or ((state.known or contract["identifies"]) and wanted <= set(held))
        guards = set(change["guarded_by"]) & set(held)
        unmade = guards - set(state.made)
        return not proven <= set(change["never_by"]) and not (unmade and guards.isdisjoint(proven))

    def succeeded(self, way: Any, proof: set[str], state: Any) -> Any:
        """Return the state after a step."""
        contract, (first, held, actions) = self.contracts[way["step"]], state.customer
        given = contract["changes"]["gives"] if contract["changes"] else []
        left = tuple(action for action in actions if action != way["step"])
        return state._replace(
            progress=_set(state.progress, [(way["id"], "success")]),
            known=state.known or contract["identifies"],
            customer=(first and "password" not in given, _set(held, given), left),
            evidence=_set(state.evidence, [(way["id"], factor) for factor in proof]),
            needs=_set(state.needs, proof - set(state.made)),
            made=_set(state.made, given),
        )

    def ceremony(self, listed: Any) -> list[Any]:
        """Check the states of one flow for one customer; return what each end takes and gives."""
        kind, tree = self.words["kinds"][listed["kind"]], self.bound[listed["kind"], listed["flow"]]
        states, ends, self.top = [State(*_frozen(one)) for one in listed["states"]], [], tree
        reached = {State((), False, (), states[0].customer, (), (), (), ()): 0}
        for number, state in enumerate(states):
            try:
                decision = self.decision(kind, tree, state)
                after = self.following(decision, state)
            except WrongError as asked:
                question, answers = asked.args
                worlds = [_set(state.world, [(question, answer)]) for answer in answers]
                decision, after = BLOCKED, [state._replace(world=world) for world in worlds]
            numbers = {reached.setdefault(one, len(reached)) for one in after}
            _same(f"what follows state {number}", listed["next"][number], sorted(numbers))
            ended = kind["ends_in_session"] and decision == PASSED
            _same(
                f"state {number} passes without evidence", bool(ended and not (state.known and state.evidence)), False
            )
            level = self.level(state) if ended else 0
            said = {answer for answer in state.world if answer[0].startswith("customer")}
            ends.append((frozenset(state.needs), frozenset(state.made), level, state.customer, said))
        _same("the states", states, list(reached))
        return [end for end in ends if end[1] or end[2]]

    def highest(self, customer: Any, held: frozenset[str], ends: Any) -> int:
        """Return the highest level that a holding reaches, by any ceremonies in any order."""
        best, waiting = 0, [(customer, held, frozenset[Any]())]
        seen = set(waiting)
        for present, known, said in waiting:
            for flow in self.bound:
                for needs, made, level, after, answers in ends[(*flow, present)]:
                    both = said | answers
                    if needs <= known and len(dict(both)) == len(both):
                        best, then = max(best, level), (after, known | made, both)
                        waiting += [then] if then not in seen else []
                        seen.add(then)
        return best

    def sets(self, customers: Any, ends: Any) -> dict[Any, list[int]]:
        """Return the minimal sets for each level, with the numbers of the customers against whom each suffices."""
        found: dict[Any, list[int]] = defaultdict(list)
        for number, (customer, channel) in enumerate(customers):
            factors, minimal = sorted(set(self.factors) & set(customer[1])), list[Any]()
            for size in range(len(factors) + 1):
                for holding in map(frozenset, combinations(factors, size)):
                    read = {"password"} if channel in holding else set()
                    highest = self.highest(customer, holding | read, ends)
                    for level in (one for one in sorted({1, TWO, *self.levels} - {0}) if one <= highest):
                        if not any(had <= holding and reached == level for had, reached in minimal):
                            minimal.append((holding, level))
                            found[level, tuple(sorted(holding))].append(number)
        return found


def weak(level: int, elements: list[Any]) -> bool:
    """Tell whether a set is less than its level promises: two categories over two channels for level two."""
    return any(len({one[what] for one in elements}) < min(level, TWO) for what in ("category", "channel"))


def check(certificate: Any, realm: Any, published: str = PUBLISHED) -> list[Any]:
    """Return the sets that are weaker than their level promises; raises `WrongError`, or what malformed input does."""
    content = {key: value for key, value in certificate.items() if key != "id"}
    _same("id", certificate["id"], digest(content))
    _same("format", certificate["format"], FORMAT)
    _same("file", certificate["file"], digest(realm))
    _same("version", certificate["version"], digest({key: realm[key] for key in realm if key != "users"}))
    _same("sound", certificate["sound"], True)
    _same("realm", certificate["realm"], realm["realm"])
    _same("published contracts", digest(certificate["vocabulary"]), published)
    checker = Checker(certificate["vocabulary"], realm)
    customers = checker.customers()
    _same("customers", list(_frozen(certificate["customers"])), customers)
    ends = {(c["kind"], c["flow"], _frozen(c["states"][0][3])): checker.ceremony(c) for c in certificate["ceremonies"]}
    _same("ceremonies", len(ends), len(certificate["ceremonies"]))
    listed = {(one["level"], tuple(one["holding"])): one["against"] for one in certificate["sets"]}
    _same("minimal sets", listed, dict(checker.sets(customers, ends)))
    for one in certificate["sets"]:
        _same("weak", one["weak"], weak(one["level"], [checker.factors[name] for name in one["holding"]]))
    return [one for one in certificate["sets"] if one["weak"]]


def main(arguments: list[str]) -> int:
    """Print the verdict; return 0 if the certificate is right, and the realm keeps what its levels promise."""
    try:
        found = check(*(json.loads(Path(name).read_text(encoding="utf-8")) for name in arguments))
    except Exception as error:  # noqa: BLE001 - whatever is wrong with a certificate, it is not accepted
        sys.stdout.write(f"REFUSED: {type(error).__name__}: {error}\n")
        return 2
    sys.stdout.write("The certificate is right.\n")
    for one in found:
        sys.stdout.write(f"WEAK: level {one['level']} takes {' + '.join(one['holding']) or 'nothing'}\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
