"""How a difference at a known place is put into words, and which way it goes: the kinds of settings there are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from idp.assurance.changes.change import Change, Direction, Topic
from idp.assurance.changes.leaves import Leaf

Meaning = Callable[[Leaf], Iterator[Change]]
"""What one difference means; more than one sentence where a list lost and gained."""

WEAKER, STRONGER, NEUTRAL = Direction.WEAKER, Direction.STRONGER, Direction.NEUTRAL
_OPPOSITE = {WEAKER: STRONGER, STRONGER: WEAKER, NEUTRAL: NEUTRAL}
_CLIENTS = "clients"


def change(leaf: Leaf, topic: Topic, direction: Direction, text: str) -> Change:
    """Return the change of a leaf; a leaf below a client is about that client."""
    return Change(
        topic=topic,
        direction=direction,
        text=text,
        subject=subject_of(leaf),
        pointer=leaf.pointer,
        before=leaf.said(leaf.before),
        after=leaf.said(leaf.after),
    )


def subject_of(leaf: Leaf) -> str:
    """Return the client that a difference is about; nothing if it is about the realm."""
    return leaf.path[1] if leaf.path[0] == _CLIENTS and len(leaf.path) > 1 else ""


def switch(topic: Topic, *, on: str, off: str, on_is: Direction) -> Meaning:
    """A setting that is on or off, absent meaning off."""

    def told(leaf: Leaf) -> Iterator[Change]:
        now = is_on(leaf.after)
        if now != is_on(leaf.before):
            direction = on_is if now else _OPPOSITE[on_is]
            yield change(leaf, topic, direction, _filled(on if now else off, leaf))

    return told


def number(topic: Topic, text: str, *, less_is: Direction, unit: str = "") -> Meaning:
    """A number; one that is absent or no number is told without a direction."""

    def told(leaf: Leaf) -> Iterator[Change]:
        before, after = as_number(leaf.before), as_number(leaf.after)
        direction = NEUTRAL
        if before is not None and after is not None:
            direction = less_is if after < before else _OPPOSITE[less_is]
        yield change(leaf, topic, direction, f"{_filled(text, leaf)}{_shown(leaf, unit)}")

    return told


def words(topic: Topic, *, added: str, removed: str, added_is: Direction, separator: str | None = None) -> Meaning:
    """A list of words, of which some came and some went, each told by itself."""

    def told(leaf: Leaf) -> Iterator[Change]:
        before, after = _words(leaf.before, separator), _words(leaf.after, separator)
        for word in after:
            if word not in before:
                yield change(leaf, topic, added_is, _filled(added, leaf, word))
        for word in before:
            if word not in after:
                yield change(leaf, topic, _OPPOSITE[added_is], _filled(removed, leaf, word))

    return told


def ranked(topic: Topic, text: str, *, ranks: Mapping[str | None, int]) -> Meaning:
    """A choice of which some are stronger than others; what has no rank is told without a direction."""

    def told(leaf: Leaf) -> Iterator[Change]:
        direction = NEUTRAL
        if leaf.before in ranks and leaf.after in ranks and ranks[leaf.before] != ranks[leaf.after]:
            direction = STRONGER if ranks[leaf.after] > ranks[leaf.before] else WEAKER
        yield change(leaf, topic, direction, f"{_filled(text, leaf)}{_shown(leaf)}")

    return told


def entry(topic: Topic, *, added: str, removed: str, added_is: Direction = NEUTRAL) -> Meaning:
    """A whole entry of a table that came or went."""

    def told(leaf: Leaf) -> Iterator[Change]:
        came = leaf.before is None
        direction = added_is if came else _OPPOSITE[added_is]
        yield change(leaf, topic, direction, _filled(added if came else removed, leaf))

    return told


def other(topic: Topic, text: str, direction: Direction = NEUTRAL) -> Meaning:
    """Any other change of a place, with its values."""

    def told(leaf: Leaf) -> Iterator[Change]:
        yield change(leaf, topic, direction, f"{_filled(text, leaf)}{_shown(leaf)}")

    return told


def is_on(value: Any) -> bool:
    """Tell whether a switch is on; attributes say it in words."""
    return value is True or (isinstance(value, str) and value.lower() in {"true", "on"})


def as_number(value: Any) -> int | None:
    """Return a number, also one that stands in an attribute as text."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    try:
        return int(value)
    except ValueError:
        return None


def _words(value: Any, separator: str | None) -> Sequence[str]:
    if isinstance(value, str) and separator is not None:
        return [word for word in value.split(separator) if word]
    return [str(word) for word in value] if isinstance(value, list | tuple) else []


def _shown(leaf: Leaf, unit: str = "") -> str:
    if leaf.secret:
        return ""

    def one(value: Any) -> str:
        text = leaf.said(value)
        if text is None:
            return "nothing"
        return f"{value} {unit}" if unit and as_number(value) is not None else text

    return f": {one(leaf.before)} → {one(leaf.after)}"


def _filled(text: str, leaf: Leaf, word: str = "") -> str:
    """Fill in whose it is, the name of the entry, and the word; all of them are somebody else's text."""
    owner = leaf.path[-2] if len(leaf.path) > 1 else ""
    return text.format(client=subject_of(leaf), name=leaf.path[-1], owner=owner, word=word, path=leaf.path)
