"""`idp demo`: the provider and the bank's site side by side, on the embedded store in `./var/`.

Ports come from `IDP_PORT` and `BANK_PORT`. Everything that must be secret is made at the first start, readable by its
owner only; a second start finds customers, tokens and sessions again.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console

from idp.app import Site
from idp.cli.serving.serve import EXPECTED, run, serving
from idp.cli.terminal import printable
from idp.listeners.sockets import listening
from idp.settings.loading import SettingsError, StartError, load
from idp.settings.tables import Settings

_IDP_PORT, _BANK_PORT = 8080, 8090
_CLIENTS = ("internet-banking", "cards")
_GRACE = 5.0  # seconds that the bank's site has to stop


def demo(config: Path, *, bank: Path) -> int:
    """Serve both; return 1 if the demo does not start."""
    try:
        run(lambda: _demo(config, bank))
    except EXPECTED as error:
        sys.stderr.write(printable(f"idp demo: {error}\n"))
        return 1
    return 0


async def _demo(config: Path, bank: Path) -> None:
    idp_port, bank_port = _port("IDP_PORT", _IDP_PORT), _port("BANK_PORT", _BANK_PORT)
    if idp_port == bank_port:
        raise SettingsError("IDP_PORT and BANK_PORT must differ.")
    if not await asyncio.to_thread(bank.exists):
        raise StartError(f"{bank} is missing; start the demo in the project's folder.")
    bank_url = f"http://localhost:{bank_port}"
    settings = _settings(config, idp_port, bank_url)
    listening("127.0.0.1", bank_port).close()  # a clear error now rather than a dead page later
    _make_client_secrets(settings)
    environment = {**os.environ, "BANK_URL": bank_url}
    site_of_bank: list[subprocess.Popen[bytes]] = []

    async def when_running(site: Site) -> None:
        site_of_bank.append(_start_bank(bank, settings, bank_url))
        await _introduce(site, settings, bank_url)

    try:
        await serving(settings, environment=environment, when_running=when_running)
    finally:
        for process in site_of_bank:
            await asyncio.to_thread(_stop, process)


def _port(name: str, default: int) -> int:
    text = os.environ.get(name, "") or str(default)
    if not text.isdigit() or not 0 < int(text) < 65536:  # noqa: PLR2004 - the range of ports
        raise SettingsError(f"{name} must be a port number, not “{text}”.")
    return int(text)


def _settings(config: Path, idp_port: int, bank_url: str) -> Settings:
    overrides: Mapping[str, Mapping[str, Any]] = {
        "server": {"port": idp_port, "base_url": f"http://localhost:{idp_port}"},
        "management": {"port": None},  # two demos may run side by side, and nobody watches them
    }
    settings = load(config, environment={**os.environ, "BANK_URL": bank_url}, overrides=overrides)
    if settings.environment != "development":
        raise SettingsError(f"{config} is not a development configuration; the demo shows every code on a page.")
    return settings


def _make_client_secrets(settings: Settings) -> None:
    """Make what the bank's applications prove themselves with, once."""
    vault = Path(settings.secrets.vault)
    for folder in (vault.parent, vault):  # `parents=True` alone would leave the outer one open to everybody
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for realm in (Path(name).stem for name in settings.realms.files):
        for client in _CLIENTS:
            path = vault / f"{realm}_{client}"
            if not path.exists():
                descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                    file.write(secrets.token_urlsafe(32) + "\n")


def _start_bank(bank: Path, settings: Settings, bank_url: str) -> subprocess.Popen[bytes]:
    """Start the bank's site; it ends when the pipe to us does, so that even a killed demo leaves nothing behind."""
    environment = {
        **os.environ,
        "IDP_URL": settings.server.base_url,
        "BANK_URL": bank_url,
        "BANK_STORE": str(Path(settings.store.path).with_name("bank.sqlite")),
        "BANK_SECRETS": settings.secrets.vault,
    }
    command = [sys.executable, str(bank), "--exit-with-parent"]
    # A session of its own: Ctrl-C reaches us alone, and we end both in order.
    return subprocess.Popen(  # noqa: S603 - the project's own file
        command, env=environment, stdin=subprocess.PIPE, start_new_session=True
    )


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.stdin is not None:
        process.stdin.close()
    process.terminate()
    try:
        process.wait(_GRACE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


async def _introduce(site: Site, settings: Settings, bank_url: str) -> None:
    """Say what is where and what to try. Addresses stand whole on lines of their own, whatever the window's width."""
    console = Console(highlight=False)
    idp_url = settings.server.base_url

    def place(name: str, url: str, hint: str = "") -> None:
        console.print(f"  [bold]{name:<20}[/] [cyan]{url}[/]" + (f"  [dim]{hint}[/]" if hint else ""), soft_wrap=True)

    console.rule("[bold]Hyrja[/]", align="left", style="blue")
    place("The bank's site", bank_url, "begin here: Hyr, at the top right")
    place("SMS outbox", f"{idp_url}/dev/outbox", "first passwords and codes arrive here")
    for name, desk in site.desks.items():
        console.print()
        console.print(f"  [bold blue]{desk.realm.title}[/] [dim]realm {name}[/]")
        place("Soft token (phone)", f"{idp_url}/realms/{name}/token/")
        place("Discovery", f"{idp_url}/realms/{name}/.well-known/openid-configuration")
        async for user in desk.provider.stores.users.every():
            console.print(f"  [bold]{'Customer':<20}[/] {user.username:<14} {user.phone}  {user.full_name}")
    console.print()
    console.print("  [bold]To try[/]", "the guide, click by click:", sep=" ")
    for number, step in enumerate(_STEPS, start=1):
        console.print(f"  [bold]{number}[/]  {step}", soft_wrap=True)
    console.rule(style="blue")
    log = settings.log.file or "standard output"
    console.print(f"  [dim]Log: {log} · start over: make demo-reset · Ctrl-C stops everything[/]", soft_wrap=True)


_STEPS = (
    "Take a first password from the outbox; on the bank's site press Hyr; user name, password, Hyr.",
    "The page says that there is no Software Token yet: Anullo, then the link Regjistro Software Token.",
    "User name and password again, Dërgo; the code is in the outbox; Dërgo.",
    "Scan the QR code with any authenticator application, or with the soft token above; enter its first code.",
    "Log in with the token's next code; change the password, accept the terms, confirm the profile.",
)
