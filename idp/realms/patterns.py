r"""Regular expressions that a realm file writes down, matched in linear time whatever the pattern and the value are.

An administrator may write a careless pattern, and strangers choose the values: in the form that makes an account, in
the addresses of a client that registers itself. With the standard library's `re` the two hold the server up for
minutes. RE2 also reads classes as Java does, which is what Keycloak's patterns are written for: `\d` is ASCII,
`\p{L}` a letter.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator
from typing import Any

LONGEST_VALUE = 2048
"""Characters of a value that is matched; a longer one matches nothing."""
_MOST_MEMORY = 1 << 20  # of a compiled pattern, in bytes
_KEPT = 256  # patterns, ready to be matched
_FLAGS = re.compile(r"\(\?[ims]+\)")
_NOT_READ = ("\\Q", "[:")  # in which a parenthesis may be none
_ANCHOR = re.compile(r"\^|\\A")


@functools.lru_cache(maxsize=_KEPT)
def whole(expression: str) -> Callable[[str], bool]:
    """Return whether a whole value matches.

    Looking ahead is understood where password rules do it, at the beginning: `^(?=.*[A-Z])(?=.*[0-9]).{12,}$`.

    Raises:
        ValueError: the pattern is not valid here; looking behind and back never is.

    """
    flagged = _FLAGS.match(expression)
    flags = "" if flagged is None else flagged[0]
    ahead, rest = _looked_ahead(expression.removeprefix(flags))
    demanded = [_compiled(flags + body) for wanted, body in ahead if wanted]
    forbidden = [_compiled(flags + body) for wanted, body in ahead if not wanted]
    matched = _compiled(flags + rest)

    def matches(value: str) -> bool:
        return (
            len(value) <= LONGEST_VALUE
            and matched.fullmatch(value) is not None
            and all(one.match(value) for one in demanded)
            and not any(one.match(value) for one in forbidden)
        )

    return matches


def _looked_ahead(expression: str) -> tuple[list[tuple[bool, str]], str]:
    """Return what must and must not follow at the beginning, and the rest, which has to match as well."""
    found: list[tuple[bool, str]] = []
    anchor = _ANCHOR.match(expression)
    rest = expression if anchor is None else expression[anchor.end() :]
    while rest.startswith(("(?=", "(?!")):
        end = next((position for position, depth, sign in _signs(rest) if sign == ")" and depth == 0), None)
        if end is None:
            break
        found.append((rest[2] == "=", rest[3:end]))
        rest = rest[end + 1 :]
    if not found:
        return [], expression
    if any(text in expression for text in _NOT_READ):
        raise ValueError("it looks ahead beside quoted text or a named class")
    if any(sign == "|" and depth == 0 for _, depth, sign in _signs(rest)) or rest[:1] in {"*", "+", "?", "{"}:
        raise ValueError("it looks ahead in one of several ways")
    return found, rest


def _signs(expression: str) -> Iterator[tuple[int, int, str]]:
    """Yield each parenthesis and bar that is none of a class or escaped: where, how deep it leaves or stands, which."""
    depth, position, in_class = 0, 0, False
    while position < len(expression):
        sign = expression[position]
        if sign == "\\":
            position += 1
        elif in_class:
            in_class = sign != "]"
        elif sign == "[":
            in_class = True
            position += expression[position + 1 : position + 2] == "^"
            position += expression[position + 1 : position + 2] == "]"  # the first of a class is one of its members
        elif sign in "()|":
            depth += {"(": 1, ")": -1, "|": 0}[sign]
            yield position, depth, sign
        position += 1


def _compiled(expression: str) -> Any:
    import re2  # noqa: PLC0415 - 2 MB that only a realm with patterns needs

    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MOST_MEMORY
    try:
        return re2.compile(expression, options)
    except re2.error as error:
        raise ValueError(f"the pattern is not valid here ({error})") from None
