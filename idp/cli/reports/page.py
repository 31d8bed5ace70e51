"""Reviews as one page for an auditor: no script, nothing loaded, to be printed and kept.

The same files give the same page, byte for byte: there is no time in it.
"""

from __future__ import annotations

from collections.abc import Sequence

from idp import __version__
from idp.cli.reports.paper import template
from idp.cli.reports.review import ORDER, Review
from idp.model.finding import Severity
from idp.realms.catalogue import CATALOGUE

# A word and a shape for each: colour alone tells nothing to many readers and to every printer (WCAG 2.2, 1.4.1).
_WORDS = {
    Severity.ERROR: ("Errors", "■", "the realm is not served with these"),
    Severity.WARNING: ("Warnings", "▲", "the realm is served; each of these is unwise"),
    Severity.ACKNOWLEDGED: ("Acknowledged", "◆", "errors that two people of the bank have decided to live with"),
    Severity.NOTE: ("Notes", "●", "good to know"),
}


def page_text(reviews: Sequence[Review]) -> str:
    """Return the page."""
    # A rule that was checked and found nothing is part of the evidence.
    broken = {remark.rule.id for review in reviews for remark in review.remarks}
    checked = all(review.whole for review in reviews)
    silent = [rule for rule in CATALOGUE.values() if checked and rule.id not in broken]
    return template("review.html").render(
        reviews=reviews,
        order=ORDER,
        words=_WORDS,
        silent=silent,
        rules=len(CATALOGUE),
        version=__version__,
    )
