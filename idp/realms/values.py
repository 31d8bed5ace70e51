"""Values of a realm file, read one way everywhere; what is not one of the choices is a finding."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TypeVar

from idp.model.finding import Finding, Severity

_WHOLE_NUMBER = re.compile(r"[0-9]{1,10}")
T = TypeVar("T", bound=str)


def seconds(attributes: Mapping[str, str], key: str, pointer: str, findings: list[Finding]) -> int | None:
    """Return a client attribute that is a number of seconds; None where there is none (Keycloak writes -1 for it)."""
    value = attributes.get(key, "")
    if value in {"", "-1"}:
        return None
    if _WHOLE_NUMBER.fullmatch(value):
        return int(value)
    findings.append(error("C-ATTRIBUTE", f"{pointer}/attributes/{key}", f"{key} is not a number.", "Write seconds."))
    return None


def whole_number(
    written: str, default: int, pointer: str, findings: list[Finding], *, rule: str, most: int, unit: str = "seconds"
) -> int:
    """Return a number from 1 to `most`, the default where nothing is written; anything else is a finding."""
    if not written:
        return default
    if _WHOLE_NUMBER.fullmatch(written) and 1 <= int(written) <= most:
        return int(written)
    problem = f"“{written}” is not a number of {unit} from 1 to {most}."
    findings.append(error(rule, pointer, problem, f"Write {default}."))
    return default


def listed(text: str, separator: str = "##") -> tuple[str, ...]:
    """Return the members of a list in one text, as Keycloak joins them; empty ones are none."""
    return tuple(part.strip() for part in text.split(separator) if part.strip())


def choice(
    attributes: Mapping[str, str], key: str, choices: tuple[T, ...], pointer: str, findings: list[Finding]
) -> T | None:
    """Return the choice that an attribute of a client names; None where it is not there."""
    written = attributes.get(key)
    return one_of(written, choices, f"{pointer}/attributes/{key}", findings) if written else None


def one_of(value: str, choices: tuple[T, ...], pointer: str, findings: list[Finding]) -> T | None:
    """Return the choice that the text names."""
    for choice in choices:
        if choice == value:
            return choice
    findings.append(
        error("R-VALUE", pointer, f"“{value}” is not supported here.", f"Use one of: {', '.join(choices)}.")
    )
    return None


def error(rule: str, pointer: str, problem: str, repair: str) -> Finding:
    """Return a finding with which the realm does not start."""
    return Finding(rule=rule, severity=Severity.ERROR, pointer=pointer, problem=problem, repair=repair)


def warning(rule: str, pointer: str, problem: str, repair: str) -> Finding:
    """Return a finding about what is unwise."""
    return Finding(rule=rule, severity=Severity.WARNING, pointer=pointer, problem=problem, repair=repair)
