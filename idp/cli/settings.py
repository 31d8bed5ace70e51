"""`idp settings --config FILE`: every setting in force, and where it comes from. Secrets are blank."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal
from urllib.parse import parse_qsl, urlsplit

import msgspec

from idp.cli.terminal import printable
from idp.model.struct import Frozen
from idp.settings.loading import SettingsError, in_environment, in_file, load, variable
from idp.settings.tables import Settings

BLANK = "•••"
_TEMPLATES = frozenset({"headers", "body"})
# What stands in the query of a store's address and tells nothing; any other parameter may be a password.
_PLAIN = frozenset(
    ("replicaset", "tls", "ssl", "tlscafile", "ssl_ca_certs", "authsource", "authmechanism", "retrywrites", "w", "db")
)
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*://")
_PLACEHOLDER = re.compile(r"\{\w+\}")
_PARTS = re.compile(r"(\{\w+\})")
_SCHEMES = frozenset({"", "Basic ", "Bearer "})


class Told(Frozen, frozen=True, kw_only=True):
    """One setting: its name (`server.port`), its value without secrets, and where it comes from."""

    name: str
    value: Any
    source: str


def settings(config: Path, *, form: Literal["text", "json"]) -> int:
    """Print them; return 1 if they cannot be used."""
    try:
        in_force = load(config, environment=os.environ)
    except SettingsError as error:
        sys.stderr.write(printable(f"idp: {error}\n"))
        return 1
    every = list(told(in_force, file=in_file(config), environment=in_environment(os.environ)))
    if form == "json":
        lines = {one.name: {"value": one.value, "source": one.source} for one in every}
        sys.stdout.write(json.dumps(lines, indent=2, ensure_ascii=False) + "\n")
        return 0
    width = max(len(one.name) for one in every)
    for one in every:
        value = json.dumps(one.value, ensure_ascii=False)
        sys.stdout.write(printable(f"{one.name:<{width}}  {value}  ({one.source})\n"))
    return 0


def told(in_force: Settings, *, file: Mapping[str, Any], environment: Mapping[str, Any]) -> Iterator[Told]:
    """Tell every setting, in the order of the types."""
    yield from _table(in_force, "", file, environment)


def _table(table: msgspec.Struct, prefix: str, file: Any, environment: Any) -> Iterator[Told]:
    for field in table.__struct_fields__:
        value, name = getattr(table, field), prefix + field
        in_document, in_variables = _of(file, field), _of(environment, field)
        if isinstance(value, msgspec.Struct):
            yield from _table(value, f"{name}.", in_document, in_variables)
            continue
        source = "default" if in_document is None else "file"
        if in_variables is not None:
            source = f"environment: {variable(name)}"
        yield Told(name=name, value=_blanked(field, value), source=source)


def _of(document: Any, key: str) -> Any:
    return document.get(key) if isinstance(document, Mapping) else None


def _blanked(field: str, value: Any) -> Any:
    """Return a value as it may be shown to whoever looks over a shoulder."""
    if field in _TEMPLATES:
        return _template(value)
    if isinstance(value, tuple):
        return [_blanked(field, one) for one in value]
    return without_secrets(value) if isinstance(value, str) else value


def _template(value: Any) -> Any:
    """A template may hold a secret where it should say {secret}: only what it takes from elsewhere is shown."""
    if isinstance(value, Mapping):
        return {name: _template(inner) for name, inner in value.items()}
    if isinstance(value, str):
        return "".join(
            part if part in _SCHEMES or _PLACEHOLDER.fullmatch(part) else BLANK for part in _PARTS.split(value)
        )
    return value if value is None or isinstance(value, bool) else BLANK


def without_secrets(text: str) -> str:
    """Return an address without its password, and without what its query may hold; any other text as it is."""
    if not _ADDRESS.match(text):
        return text
    try:
        parts = urlsplit(text)
        query = parse_qsl(parts.query, keep_blank_values=True)
    except ValueError:
        return BLANK
    owner, at, place = parts.netloc.rpartition("@")
    user, colon, _ = owner.partition(":")
    if at:
        # A name without a password may be a token.
        owner = f"{user}:{BLANK}" if colon else BLANK
    shown = "&".join(f"{name}={_parameter(name, value)}" for name, value in query)
    fragment = f"#{BLANK}" if parts.fragment else ""
    return f"{parts.scheme}://{owner}{at}{place}{parts.path}{'?' if shown else ''}{shown}{fragment}"


def _parameter(name: str, value: str) -> str:
    return value if name.lower() in _PLAIN or _PLACEHOLDER.fullmatch(value) else BLANK
