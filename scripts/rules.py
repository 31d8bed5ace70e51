"""Write docs/rules.md: every rule of the review, from the catalogue. With --check, only tell whether it is so."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from idp.model.finding import Severity  # noqa: E402 - the project's root is on the path only now
from idp.realms.catalogue import CATALOGUE, REALM_RULES  # noqa: E402 - as above
from idp.realms.catalogue.clients import CLIENT_RULES  # noqa: E402 - as above
from idp.realms.catalogue.flows import FLOW_RULES  # noqa: E402 - as above
from idp.realms.catalogue.rule import Rule  # noqa: E402 - as above

PAGE = ROOT / "docs" / "rules.md"
_LETTERS = {Severity.ERROR: "**E**", Severity.WARNING: "*w*", Severity.NOTE: "note"}
_HEAD = f"""# The rules of the review

What `idp realm check` looks for: {len(CATALOGUE)} rules. The table is written by `scripts/rules.py` from
`idp/realms/catalogue/`; the texts of a finding itself name the place and the repair. An id never changes its meaning.

**E**: with such a finding a realm does not start (some findings of the rule may be warnings only). *w*: the realm
starts, and the finding is told at every check. *note*: good to know.
"""


def page() -> str:
    """Return the page as it should be."""
    topics = {"Flows and required actions": FLOW_RULES, "The file and the realm": REALM_RULES, "Clients": CLIENT_RULES}
    return _HEAD + "".join(_table(title, rules) for title, rules in topics.items())


def _table(title: str, rules: tuple[Rule, ...]) -> str:
    lines = [f"\n## {title}\n", "| Rule | | Finds | Because | Asked for by |", "|---|---|---|---|---|"]
    for rule in rules:
        cells = (f"`{rule.id}`", _LETTERS[rule.severity], rule.title, rule.why, "; ".join(rule.references))
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def main() -> int:
    """Write the page, or compare it; return 1 if it is out of date."""
    if "--check" not in sys.argv[1:]:
        PAGE.write_text(page(), encoding="utf-8")
        return 0
    if PAGE.exists() and PAGE.read_text(encoding="utf-8") == page():
        return 0
    print("docs/rules.md is out of date: run scripts/rules.py.", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
