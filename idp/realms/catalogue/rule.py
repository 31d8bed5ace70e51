"""What is known of a rule itself, whatever file it is about."""

from __future__ import annotations

from idp.model.finding import Severity
from idp.model.struct import Frozen


class Rule(Frozen, frozen=True):
    """A rule of the review. `id` never changes its meaning: reports and acknowledgements of years name it.

    `severity` is the gravest that its findings have. `why` says what happens, or what an attacker gains, where the rule
    is broken. `references` are the texts that ask for it; a rule about the mere shape of a file has none.
    """

    id: str
    severity: Severity
    title: str
    why: str
    references: tuple[str, ...]


def grave(rule: str, title: str, why: str, *references: str) -> Rule:
    """Return a rule whose findings can keep a realm from starting."""
    return Rule(rule, Severity.ERROR, title, why, references)


def unwise(rule: str, title: str, why: str, *references: str) -> Rule:
    """Return a rule about what is unwise."""
    return Rule(rule, Severity.WARNING, title, why, references)


def told(rule: str, title: str, why: str, *references: str) -> Rule:
    """Return a rule about what a reader should know."""
    return Rule(rule, Severity.NOTE, title, why, references)
