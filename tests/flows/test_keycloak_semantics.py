"""Keycloak's pitfalls (keycloak.md 2.16): each of the thirty-six has a test by its number, beside what it is about."""

from __future__ import annotations

import re
from pathlib import Path

TESTS = Path(__file__).parents[1]
NAMED = re.compile(r"^(?:async )?def (test_t\d\d\w*)", re.MULTILINE)


def test_every_pitfall_of_the_reference_has_a_test_by_its_number() -> None:
    names = [name for path in TESTS.rglob("test_*.py") for name in NAMED.findall(path.read_text(encoding="utf-8"))]
    numbers = {int(number) for name in names for number in re.findall(r"(?:^test_|_)t(\d\d)(?=_)", name)}
    assert set(range(1, 37)) - numbers == set()
