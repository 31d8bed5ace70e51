"""A sandbox as a process, and the scripts of a proof run against it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from idp.assurance.prover import explore
from idp.assurance.replay.scripts import Script, script, scripts
from tests.cli.deployment import command, environment
from tests.flows.bench import Edit, all_edits, document, loaded
from tests.patience import PATIENCE
from tests.ports import free_port

_PERIOD = 3  # seconds of a code's step: a script waits for the next one in real time


def quick(*edits: Edit) -> Edit:
    return all_edits(*edits, lambda found: found.update(otpPolicyPeriod=_PERIOD))


@contextmanager
def sandbox(folder: Path, edit: Edit) -> Iterator[str]:
    """Serve the sandbox of an edited demo; yields its address."""
    folder.mkdir()
    file, port, told = folder / "realm.json", free_port(), folder / "told.txt"
    file.write_text(json.dumps(document(edit)), encoding="utf-8")
    with told.open("wb") as output:
        served = subprocess.Popen(  # noqa: S603 - this Python and this project
            command("flow", "sandbox", str(file), "--port", str(port)),
            cwd=folder,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        deadline = time.monotonic() + PATIENCE
        while "is served" not in told.read_text(encoding="utf-8"):
            assert served.poll() is None, told.read_text(encoding="utf-8")
            assert time.monotonic() < deadline, told.read_text(encoding="utf-8")
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        served.terminate()
        served.wait(PATIENCE)


def script_of(edit: Edit, level: int, names: set[str]) -> Script:
    """The script for one weak set of an edited demo."""
    proved, file = explore(loaded(edit)), document(edit)
    one = next(one for one in proved.proof.weak if one.level == level and one.names == names)
    return script(proved, file, one)


def all_scripts(edit: Edit) -> list[Script]:
    return list(scripts(explore(loaded(edit)), document(edit)))


def ran(found: Script, folder: Path, address: str) -> tuple[int, str]:
    """Run a script by itself, with Python alone; return its status and what it printed."""
    path = folder / found.name
    path.write_text(found.source, encoding="utf-8")
    run = [sys.executable, "-I", "-S", str(path), address]
    done = subprocess.run(run, capture_output=True, text=True, check=False, timeout=4 * PATIENCE)  # noqa: S603 - our own
    assert done.stderr == ""
    return done.returncode, done.stdout
