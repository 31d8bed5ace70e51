"""`config/*.toml`, overridden by the environment, checked completely at start: every problem is reported at once.

`HYRJA_SERVER__PORT=8081` overrides `port` of the table `[server]`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from idp.settings.problems import settings_problems
from idp.settings.tables import Settings

_PREFIX = "HYRJA_"


class SettingsError(Exception):
    """The settings cannot be used; the text lists every problem, a line each."""


class StartError(Exception):
    """The provider does not start; the text lists every reason with what to do."""


def load(path: Path, *, environment: Mapping[str, str], overrides: Mapping[str, Mapping[str, Any]] = {}) -> Settings:
    """Load, override and check the settings.

    Raises:
        SettingsError: the file cannot be read, or something in it cannot be used.

    """
    document = in_file(path)
    for table, values in (*_from_environment(environment), *overrides.items()):
        _override(document, table, values)
    try:
        settings = msgspec.convert(document, Settings, strict=False)
    except msgspec.ValidationError as error:
        raise SettingsError(f"{path}: {error}.") from None
    problems = list(settings_problems(settings))
    if problems:
        raise SettingsError("\n".join(f"{path}: {problem}" for problem in problems))
    return settings


def in_file(path: Path) -> dict[str, Any]:
    """Return what a file says. Raises `SettingsError`: it cannot be read."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} is not TOML: {error}.") from None


def in_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    """Return what the environment says, as a file would."""
    document: dict[str, Any] = {}
    for table, values in _from_environment(environment):
        _override(document, table, values)
    return document


def variable(name: str) -> str:
    """Return the variable that sets `server.port`, say."""
    return _PREFIX + name.replace(".", "__").upper()


def _from_environment(environment: Mapping[str, str]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, value in environment.items():
        table, separator, key = name.removeprefix(_PREFIX).lower().partition("__")
        if name.startswith(_PREFIX) and separator:
            yield table, _nested(key, value)


def _nested(key: str, value: str) -> dict[str, Any]:
    """Return what a variable sets: `mutual_tls__port` stands in a table of the table."""
    inner, separator, rest = key.partition("__")
    return {inner: _nested(rest, value)} if separator else {key: value.split(",") if key in _LISTS else value}


_LISTS = frozenset({"files", "master_key_files", "allowed_hosts", "trusted_proxies"})


def _override(document: dict[str, Any], table: str, values: Mapping[str, Any]) -> None:
    present = document.get(table)
    document[table] = kept = dict(present) if isinstance(present, dict) else {}
    for key, value in values.items():
        if isinstance(value, Mapping) and isinstance(kept.get(key), dict):
            _override(kept, key, value)
        else:
            kept[key] = value
