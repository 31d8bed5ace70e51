"""`idp realm check FILE…`: every finding of realm files, without a server."""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence
from pathlib import Path

from idp.cli.reports.machines import json_text, sarif_text
from idp.cli.reports.page import page_text
from idp.cli.reports.review import Review, review
from idp.cli.reports.text import write_text
from idp.model.finding import Severity

FORMATS = {"json": json_text, "sarif": sarif_text, "html": page_text}
_FAILURES = {"error": {Severity.ERROR}, "warning": {Severity.ERROR, Severity.WARNING}}


def check(files: Sequence[Path], *, form: str, output: Path | None, fail_on: str) -> int:
    """Write the findings; return 1 if a file has one of those to fail on, 2 if the report cannot be written."""
    reviews = [review(path) for path in files]
    if output is None:
        _write(reviews, form)
    elif not _kept(reviews, form, output):
        return 2
    failures = _FAILURES[fail_on]
    return int(any(one.count(severity) for one in reviews for severity in failures))


def _write(reviews: Sequence[Review], form: str) -> None:
    if form == "text":
        write_text(reviews, sys.stdout)
    else:
        sys.stdout.write(FORMATS[form](reviews))


def _kept(reviews: Sequence[Review], form: str, output: Path) -> bool:
    if form == "text":
        text = io.StringIO()
        write_text(reviews, text)
        report = text.getvalue()
    else:
        report = FORMATS[form](reviews)
    try:
        output.write_text(report, encoding="utf-8")
    except OSError as error:
        sys.stderr.write(f"idp: {output} cannot be written: {error.strerror}.\n")
        return False
    return True
