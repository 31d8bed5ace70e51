"""`idp serve --config FILE [--workers N]`: by this process, or by several that this one starts and watches."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from idp.cli.terminal import printable
from idp.listeners.sockets import ListenerError
from idp.settings.loading import SettingsError, load
from idp.workers.inherited import Inheritance


def start(config: Path, *, workers: int | None = None) -> int:
    """Serve; return 1 if the provider does not start. `workers` counts before the setting of that name."""
    overrides = {} if workers is None else {"server": {"workers": workers}}
    inherited = Inheritance.of(os.environ)
    try:
        settings = load(config, environment=os.environ, overrides=overrides)
        if settings.server.workers > 1 and inherited is None:
            from idp.cli.serving.supervise import supervise  # noqa: PLC0415 - a supervisor loads nothing of the provider

            return supervise(settings)
    except (SettingsError, ListenerError) as error:
        sys.stderr.write(printable(f"idp: {error}\n"))
        return 1
    from idp.cli.serving.serve import serve  # noqa: PLC0415 - as above: the provider is for whoever serves

    return serve(settings, inherited=inherited)
