"""`idp store backup|restore|check|copy`: the whole store at once.

`backup` and `check` work beside a running server; `restore` and `copy` need every server to be stopped, and say so.
"""

from __future__ import annotations

import asyncio
import os
import sys
from argparse import Namespace
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from idp.app import Outside
from idp.cli.progress import Shown, shown_progress
from idp.cli.terminal import printable
from idp.ports import StoreUnavailableError
from idp.settings.loading import SettingsError, load
from idp.settings.tables import Settings
from idp.settings.tables import Store as StoreSettings
from idp.stores.opening import Use, named, open_kernel
from idp.stores.portable import Portable
from idp.stores.upkeep import backup, fingerprint
from idp.stores.upkeep.checking import Checked, checked
from idp.stores.upkeep.copying import CopyRefusedError, Tally, archive, copy


def store(arguments: Namespace) -> int:
    """Do what was asked; return 1 if it was refused, or if something is wrong with the store."""
    try:
        with shown_progress() as shown:
            return asyncio.run(_done(arguments, shown))
    except (SettingsError, StoreUnavailableError) as error:
        sys.stderr.write(printable(f"idp store {arguments.action}: {error}\n"))
        return 1
    except OSError as error:
        sys.stderr.write(printable(f"idp store {arguments.action}: {error.filename}: {error.strerror}\n"))
        return 1


async def _done(asked: Namespace, shown: Shown) -> int:
    match asked.action:
        case "backup":
            return await _backed_up(_settings(asked.config).store, asked.file, shown)
        case "restore":
            return await _restored(_settings(asked.config).store, asked.file, shown)
        case "check":
            return await _checked(_settings(asked.config).store, shown, json=asked.json)
        case _:
            return await _copied(asked, shown)


async def _backed_up(settings: StoreSettings, file: Path, shown: Shown) -> int:
    if settings.forgetful:
        raise CopyRefusedError("store.path is :memory:, of which nothing can be kept.")
    if settings.clustered:
        return await _backed_up_by_copy(settings, file, shown)
    done = await asyncio.to_thread(
        backup.back_up, Path(settings.path), file, progress=lambda pages, total: shown("copying", pages, total)
    )
    return _say(f"{file}: {done.records} records and {done.events} events, read back and whole.")


async def _backed_up_by_copy(settings: StoreSettings, file: Path, shown: Shown) -> int:
    """Copy a clustered store into a file: the form that `idp store copy` takes back."""
    with backup.new_file(file) as partial:
        async with _both(settings, StoreSettings(path=str(partial)), source_use="beside") as (here, there):
            found = await archive(here, there, now=Outside().clock(), progress=_without_end(shown))
        await asyncio.to_thread(fingerprint.write, partial)
    return _say(f"{file}: {_summary(found)}, read back and whole.")


async def _restored(settings: StoreSettings, file: Path, shown: Shown) -> int:
    if settings.clustered:
        raise CopyRefusedError(f"Into MongoDB and Redis: idp store copy --from sqlite:{file} --to-config FILE.")
    now = datetime.fromtimestamp(Outside().clock(), tz=UTC).strftime("%Y%m%dT%H%M%SZ")
    done, former = await asyncio.to_thread(
        backup.restore,
        file,
        Path(settings.path),
        now=now,
        progress=lambda pages, total: shown("copying", pages, total),
    )
    _say(f"{settings.path}: {done.records} records and {done.events} events, read back and whole.")
    return 0 if former is None else _say(f"The store that was there is kept as {former}.")


async def _checked(settings: StoreSettings, shown: Shown, *, json: bool) -> int:
    clock, damage = Outside().clock, []
    if not settings.clustered:
        damage = await asyncio.to_thread(backup.problems, Path(settings.path))
    if damage:  # what a damaged file says of its records is worth nothing
        found = Checked(counts={}, problems=tuple(damage), more=0)
    else:
        async with _opened(settings, "beside") as kernel:
            found = await checked(kernel, now=clock(), progress=lambda done: shown("reading", done, None))
    sys.stdout.write(printable(_as_json(found) if json else _as_text(found)))
    return 1 if found.problems else 0


async def _copied(asked: Namespace, shown: Shown) -> int:
    source = _side(asked.from_url, asked.from_config, asked.from_redis)
    target = _side(asked.to_url, asked.to_config, asked.to_redis)
    if named(source) == named(target):
        raise CopyRefusedError("The source and the target are the same store.")
    if not source.clustered and Path(source.path).is_file():  # noqa: ASYNC240 - one look, for one command
        await asyncio.to_thread(backup.refuse_damaged, Path(source.path), Path(source.path))
    # As a server: so no server runs on either of them, or comes while it is copied.
    async with _both(source, target, source_use="serve") as (here, there):
        progress = _without_end(shown)
        found = await copy(here, there, origin=named(source), now=Outside().clock(), progress=progress)
    _say(f"{named(target)}: {_summary(found)}; every kind has the number and the hash that it has in {named(source)}.")
    return _say("Let the servers' [store] name the new one now, and never serve from the old one again.")


def _without_end(shown: Shown) -> Callable[[str, int], None]:
    return lambda what, done: shown(what, done, None)


@asynccontextmanager
async def _both(
    source: StoreSettings, target: StoreSettings, *, source_use: Use
) -> AsyncIterator[tuple[Portable, Portable]]:
    if not source.clustered and not Path(source.path).is_file():  # noqa: ASYNC240 - one look, for one command
        raise CopyRefusedError(f"There is no store {source.path}.")
    async with _opened(source, source_use) as here, _opened(target, "fill") as there:
        yield here, there


@asynccontextmanager
async def _opened(settings: StoreSettings, use: Use) -> AsyncIterator[Portable]:
    kernel = await open_kernel(settings, clock=Outside().clock, use=use)
    try:
        yield kernel
    finally:
        await kernel.close()


def _settings(config: Path) -> Settings:
    return load(config, environment=os.environ)


def _side(url: str | None, config: Path | None, redis: str | None) -> StoreSettings:
    if config is not None:
        return _settings(config).store
    assert url is not None
    if url.startswith("sqlite:"):
        return StoreSettings(path=url.removeprefix("sqlite:"))
    if not url.startswith(("mongodb:", "mongodb+srv:")) or redis is None:
        raise CopyRefusedError("A store is sqlite:PATH, or mongodb://… with the Redis beside it, or a settings file.")
    return StoreSettings(mongodb_url=url, redis_url=redis)


def _summary(found: Mapping[str, Tally]) -> str:
    return ", ".join(f"{tally.count} {kind}" for kind, tally in sorted(found.items())) or "nothing"


def _as_json(found: Checked) -> str:
    counts: dict[str, dict[str, int]] = {}
    for (kind, realm), number in sorted(found.counts.items()):
        counts.setdefault(realm, {})[kind] = number
    told = {"counts": counts, "problems": found.problems, "more": found.more}
    return msgspec.json.format(msgspec.json.encode(told), indent=2).decode() + "\n"


def _as_text(found: Checked) -> str:
    lines = [
        f"{realm or '-':24} {kind:32} {number:>12}"
        for (kind, realm), number in sorted(found.counts.items(), key=lambda one: one[0][::-1])
    ]
    lines += [f"WRONG  {problem}" for problem in found.problems]
    lines += [f"… and {found.more} more"] if found.more else []
    verdict = "Something is wrong: restore a backup, or ask." if found.problems else "The store is whole."
    return "\n".join([*lines, verdict]) + "\n"


def _say(text: str) -> int:
    sys.stdout.write(printable(f"{text}\n"))
    return 0
