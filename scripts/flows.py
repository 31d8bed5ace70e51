"""Write what docs/flows.md shows of flows: the tables from the registry, the pictures from its own recipes.

With --check, only tell whether it is so. A recipe is the JSON block below a heading `### Recipe: …`: its lists are
added to those of the demo's realm (clients by their `clientId`), everything else replaces what is there. What is drawn
is the first flow of the recipe.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import msgspec

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from idp.assurance.pictures.svg import PAGE as ROOM  # noqa: E402 - the project's root is on the path only now
from idp.assurance.pictures.svg import svg  # noqa: E402 - as above
from idp.cli.flows.draw import drawn  # noqa: E402 - as above
from idp.flows.registry import ACTIONS, CONDITIONS, STEPS  # noqa: E402 - as above
from idp.flows.step import StepContract  # noqa: E402 - as above
from idp.flows.tree import Execution, Subflow  # noqa: E402 - as above
from idp.model.flow import Requirement  # noqa: E402 - as above
from idp.realms.files.placeholders import Surroundings  # noqa: E402 - as above
from idp.realms.loading import LoadedRealm, load  # noqa: E402 - as above
from idp.web.flow_words import FlowWords  # noqa: E402 - as above

PAGE = ROOT / "docs" / "flows.md"
IMAGES = ROOT / "docs" / "images"
REALM = ROOT / "realms" / "small-business.json"
WORDS = FlowWords("en")
_RECIPE = re.compile(r"^### Recipe: (.+?)\n.*?^```json\n(.*?)^```", re.MULTILINE | re.DOTALL)
_SHOWN = re.compile(r"images/(flow-[\w-]+\.svg)")
# What a table writes in the place of the configuration that a question names.
_EXAMPLES = {
    "condUserRole": "ROLE",
    "attribute_name": "NAME",
    "attribute_expected_value": "VALUE",
    "flow_to_check": "FLOW",
    "client_scope": "SCOPE",
    "credentials": "KINDS",
    "loa-condition-level": "N",
    "ip-ranges": "NETWORKS",
}


def recipes(page: str) -> dict[str, LoadedRealm]:
    """Return the demo's realm changed by each recipe of the page, by the name of the recipe."""
    return {title: realm_of(merged(json.loads(text))) for title, text in _RECIPE.findall(page)}


def merged(recipe: dict[str, Any]) -> dict[str, Any]:
    """Put a recipe into the demo's realm."""
    document: dict[str, Any] = json.loads(REALM.read_text(encoding="utf-8"))
    for key, value in recipe.items():
        if key == "clients":
            for changed in value:
                next(c for c in document["clients"] if c["clientId"] == changed["clientId"]).update(changed)
        elif isinstance(value, list):
            document[key] = [*document.get(key, []), *value]
        elif isinstance(value, dict):
            document[key] = {**document.get(key, {}), **value}
        else:
            document[key] = value
    return document


def realm_of(document: dict[str, Any]) -> LoadedRealm:
    """Load a document as the server would."""
    surroundings = Surroundings(vault=lambda _realm, _key: "a secret of 32 characters, at least", environment={})
    return load(json.dumps(document), surroundings=surroundings)


def pictures(page: str) -> dict[str, str]:
    """Return the pictures that the page shows, by the names of their files."""
    demo = realm_of(merged({}))
    found = {f"flow-{slug(title)}.svg": svg_of(realm, title, page) for title, realm in recipes(page).items()}
    found["flow-bank-login.svg"] = svg(drawn(demo, WORDS, alias="bank login"), WORDS, room=ROOM)
    return {name: found[name] for name in dict.fromkeys(_SHOWN.findall(page))}


def svg_of(realm: LoadedRealm, title: str, page: str) -> str:
    """Draw the first flow of a recipe."""
    recipe = json.loads(next(text for name, text in _RECIPE.findall(page) if name == title))
    return svg(drawn(realm, WORDS, alias=recipe["authenticationFlows"][0]["alias"]), WORDS, room=ROOM)


def slug(title: str) -> str:
    """Return a title as the part of a file's name."""
    return re.sub(r"\W+", "-", title.lower()).strip("-")


def tables() -> dict[str, str]:
    """Return each table that is written from the registry, by the name of its place."""
    steps = ["| Step | A person meets | Proves | Without the credential |", "|---|---|---|---|"]
    for name, kind in STEPS.items():
        steps.append(f"| `{name}` | {WORDS.step(name)} | {_proves(kind.contract)} | {_without(kind.contract)} |")
    conditions = ["| Condition | Asks | Configuration |", "|---|---|---|"]
    conditions += [f"| `{name}` | {_question(name)} | {_keys(kind.config_type)} |" for name, kind in CONDITIONS.items()]
    actions = ["| Required action | A person meets | Gives |", "|---|---|---|"]
    actions += [f"| `{name}` | {WORDS.step(name)} | {_gives(kind.contract)} |" for name, kind in ACTIONS.items()]
    return {"steps": "\n".join(steps), "conditions": "\n".join(conditions), "actions": "\n".join(actions)}


def _proves(contract: StepContract) -> str:
    ways = [" and ".join(map(WORDS.factor, way)) for way in contract.ways if way]
    return "; or ".join(ways) + _and_gives(contract) if ways else _gives(contract)


def _and_gives(contract: StepContract) -> str:
    return f"; gives {_gives(contract)}" if contract.changes is not None else ""


def _gives(contract: StepContract) -> str:
    return WORDS.say("gives", credential=WORDS.credential(contract.changes.credential)) if contract.changes else "-"


def _without(contract: StepContract) -> str:
    if contract.holders_of is not None:
        return "the login stops here"
    if contract.setup_action is not None:
        return f"where it is REQUIRED: `{contract.setup_action}` at the end of the login"
    return "REQUIRED: refused; ALTERNATIVE: not offered" if contract.proves is not None and contract.needs_user else "-"


def _question(name: str) -> str:
    step = Execution(id="step", authenticator="…", requirement=Requirement.REQUIRED)
    guarded = Subflow(id="guarded", alias="…", requirement=Requirement.CONDITIONAL, children=(step,))
    asked = Execution(id="condition", authenticator=name, requirement=Requirement.REQUIRED, config=_EXAMPLES)
    return WORDS.condition(asked, guarded)


def _keys(config: Any) -> str:
    return " · ".join(f"`{field.encode_name}`" for field in msgspec.structs.fields(config)) or "-"


def written(page: str) -> str:
    """Return the page with its tables as they should be."""
    for name, table in tables().items():
        before, begins, rest = page.partition(f"<!-- {name} -->\n")
        _, ends, after = rest.partition(f"<!-- /{name} -->")
        page = f"{before}{begins}\n{table}\n\n{ends}{after}"
    return page


def main() -> int:
    """Write page and pictures, or compare them; return 1 if something is out of date."""
    page = written(PAGE.read_text(encoding="utf-8"))
    wanted = {PAGE: page, **{IMAGES / name: text for name, text in pictures(page).items()}}
    stale = [path for path, text in wanted.items() if not path.is_file() or path.read_text(encoding="utf-8") != text]
    for path in stale:
        if "--check" in sys.argv[1:]:
            print(f"{path.relative_to(ROOT)} is out of date: run scripts/flows.py.", file=sys.stderr)
        else:
            path.write_text(wanted[path], encoding="utf-8")
            print(f"wrote {path.relative_to(ROOT)}")
    return int("--check" in sys.argv[1:] and bool(stale))


if __name__ == "__main__":
    sys.exit(main())
