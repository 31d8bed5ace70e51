"""Write docs/settings.md, the reference of every setting, from the types themselves and their docstrings.

With --check, only tell whether it is as they say. A setting without a docstring is an error.
"""

from __future__ import annotations

import ast
import inspect
import json
import sys
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec.inspect import (
    BoolType,
    DictType,
    FloatType,
    IntType,
    LiteralType,
    NoneType,
    StrType,
    StructType,
    Type,
    UnionType,
    VarTupleType,
    type_info,
)

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from idp.settings.loading import variable  # noqa: E402 - the project's root is on the path only now
from idp.settings.tables import Settings  # noqa: E402 - the project's root is on the path only now

PAGE = ROOT / "docs" / "settings.md"
HEAD = """# Settings

Every setting of `config/*.toml`, written from the program's own types by `python scripts/settings.py`. Any of them can
be overridden by an environment variable: `port` of `[server]` by `{example}`, lists with commas in between; only
`environment` is said by the file alone. Secrets never stand here: a setting names the file that holds one. An unknown
key is an error, and a start tells every problem at once. `idp settings --config FILE` prints what is in force and where
each value comes from.

[config/production.toml](../config/production.toml) is a complete example; [operations.md](operations.md) says how the
parts work.
"""
NOTHING = "\N{EN DASH}"


class UndocumentedError(Exception):
    """Settings have no docstring; the text names them."""


def page() -> str:
    """Return the page."""
    documented(Settings)
    sections = [HEAD.format(example=variable("server.port"))]
    sections.append(_section("", Settings, only_values=True))
    first: dict[type[msgspec.Struct], str] = {}
    for name, kind in _tables(Settings, ""):
        if not name:
            continue
        known = first.setdefault(kind, name)
        sections.append(_section(name, kind) if known == name else f"## `[{name}]`\n\nThe same as `[{known}]`.\n")
    return "\n".join(sections)


def documented(kind: type[msgspec.Struct]) -> None:
    """Raise `UndocumentedError` unless every setting of a table, and of those in it, has a docstring."""
    undocumented = [name for table, inner in _tables(kind, "") for name in _undocumented(inner, table)]
    if undocumented:
        raise UndocumentedError(", ".join(undocumented))


def _tables(kind: type[msgspec.Struct], name: str) -> Iterator[tuple[str, type[msgspec.Struct]]]:
    """Return every table with its name, in the order of the types, those within another behind it."""
    yield name, kind
    for field in _fields(kind):
        inner = _table_of(field.type)
        if inner is not None:
            yield from _tables(inner, f"{name}.{field.name}".lstrip("."))


def _fields(kind: type[msgspec.Struct]) -> Sequence[Any]:
    described = type_info(kind)
    assert isinstance(described, StructType)
    return described.fields


def _table_of(described: Type) -> type[msgspec.Struct] | None:
    kinds = described.types if isinstance(described, UnionType) else (described,)
    return next((kind.cls for kind in kinds if isinstance(kind, StructType)), None)


def _section(name: str, kind: type[msgspec.Struct], *, only_values: bool = False) -> str:
    texts = _docstrings(kind)
    lines = [f"## `[{name}]`" if name else "## At the top of the file", ""]
    if name:
        lines += [_one_line(inspect.getdoc(kind) or ""), ""]
    lines += ["| Setting | Value | Default | Meaning |", "|---|---|---|---|"]
    for field in _fields(kind):
        if _table_of(field.type) is not None:
            if not only_values:
                lines.append(f"| `[{name}.{field.name}]` | table | {NOTHING} | {texts[field.name]} |")
            continue
        lines.append(f"| `{field.name}` | {_value(field.type)} | {_default(field)} | {texts[field.name]} |")
    return "\n".join(lines) + "\n"


def _default(field: Any) -> str:
    if field.required:
        return "**required**"
    default = field.default
    if default is msgspec.NODEFAULT:
        default = field.default_factory()
    if default in (None, "", (), {}):
        return NOTHING
    return f"`{json.dumps(default, ensure_ascii=False)}`"


def _value(described: Type) -> str:
    match described:
        case UnionType():
            return " or ".join(_value(kind) for kind in described.types if not isinstance(kind, NoneType))
        case LiteralType():
            return ", ".join(f"`{value}`" for value in described.values)
        case BoolType():
            return "true or false"
        case IntType() | FloatType():
            return _number(described)
        case StrType():
            return "text"
        case VarTupleType():
            return "list of text"
        case DictType():
            return "table of text"
        case _:
            raise TypeError(f"{described} has no words yet")


def _number(described: IntType | FloatType) -> str:
    word = "whole number" if isinstance(described, IntType) else "number"
    if described.ge is not None and described.le is not None:
        return f"{word}, {described.ge} to {described.le}"
    if described.gt is not None and described.le is not None:
        return f"{word}, over {described.gt} to {described.le}"
    return f"{word}, from {described.ge}" if described.ge is not None else word


def _undocumented(kind: type[msgspec.Struct], name: str) -> Iterator[str]:
    texts = _docstrings(kind)
    for field in _fields(kind):
        if not texts.get(field.name):
            yield f"{name}.{field.name}".lstrip(".")


def _docstrings(kind: type) -> dict[str, str]:
    """Return the string behind each field, as the source has it: Python itself forgets it."""
    (definition,) = ast.parse(textwrap.dedent(inspect.getsource(kind))).body
    assert isinstance(definition, ast.ClassDef)
    texts: dict[str, str] = {}
    for field, behind in zip(definition.body, definition.body[1:], strict=False):
        if not (isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)):
            continue
        if (
            isinstance(behind, ast.Expr)
            and isinstance(behind.value, ast.Constant)
            and isinstance(behind.value.value, str)
        ):
            texts[field.target.id] = _one_line(behind.value.value)
    return texts


def _one_line(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def main() -> int:
    """Write the page, or tell whether it is as it should be."""
    try:
        text = page()
    except UndocumentedError as error:
        print(f"Settings without a docstring: {error}")
        return 1
    if "--check" in sys.argv[1:]:
        if PAGE.exists() and PAGE.read_text(encoding="utf-8") == text:
            return 0
        print("docs/settings.md is stale: python scripts/settings.py")
        return 1
    PAGE.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
