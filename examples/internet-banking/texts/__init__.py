"""Every word the bank says, in three languages: one module a language, the same keys in each.

It owns the words and nothing else: not who chooses the language (pages.py), nor how amounts and dates are
written (formats.py).
"""

from __future__ import annotations

from texts import en, it, sq

DEFAULT = "sq"
LANGUAGES = {"sq": "Shqip", "en": "English", "it": "Italiano"}
TEXTS = {"sq": sq.TEXTS, "en": en.TEXTS, "it": it.TEXTS}


def say(language: str, key: str, **values: object) -> str:
    """The text of this key; a missing key is a bug and raises KeyError."""
    return TEXTS[language][key].format(**values)


def knows(language: str, key: str) -> bool:
    """Whether there is such a text."""
    return key in TEXTS[language]
