"""May a document become the present version? Its findings decide, those of its flows among them."""

from __future__ import annotations

from collections.abc import Sequence

from idp.flows.compiler import compile_realm
from idp.flows.versions.runnable import runnable
from idp.model.finding import Finding, Severity
from idp.model.struct import Frozen
from idp.realms.loading import LoadedRealm


class Judgement(Frozen, frozen=True, kw_only=True):
    """What is said about a document that somebody wants to publish.

    With `errors` it is never served; a part that was set aside before (`idp.flows.versions.runnable`) is none. `news`
    are warnings, and errors that the bank has acknowledged, which the version before does not have.
    """

    errors: tuple[Finding, ...]
    news: tuple[Finding, ...]


def judged(loaded: LoadedRealm, *, live: LoadedRealm | None) -> Judgement:
    """Judge a document against the version it would replace (None: there is none)."""
    found = findings_of(loaded)
    known = {_meaning(finding) for finding in findings_of(live)} if live is not None else set()
    # A part that an import has set aside stays so; nothing new is set aside by hand, and the rest must run.
    fatal = {_meaning(finding) for finding in findings_of(runnable(loaded)) if finding.severity is Severity.ERROR}
    return Judgement(
        errors=tuple(
            finding
            for finding in found
            if finding.severity is Severity.ERROR and (_meaning(finding) not in known or _meaning(finding) in fatal)
        ),
        news=tuple(
            finding
            for finding in found
            if finding.severity in {Severity.WARNING, Severity.ACKNOWLEDGED} and _meaning(finding) not in known
        ),
    )


def findings_of(loaded: LoadedRealm) -> Sequence[Finding]:
    """Return everything that is to be said about a document."""
    return (*loaded.findings, *compile_realm(loaded.realm)[1])


def _meaning(finding: Finding) -> tuple[str, str, Severity]:
    """Return what a finding says, wherever it stands: a client that moved down a list is no news."""
    return finding.rule, finding.problem, finding.severity
