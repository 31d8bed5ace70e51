"""`idp flow sandbox FILE`: the flows of a realm on a store that is thrown away, for the scripts that a proof writes.

Only this machine reaches it, and nothing leaves it: messages go to an outbox that everybody here may read.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path

from idp.app import Site
from idp.assurance.customers import customers_of
from idp.assurance.replay.sandbox import replayable, sandbox
from idp.assurance.symbolic import SymbolicRealm
from idp.assurance.untouched import no_services
from idp.cli.realms.files import read_realm
from idp.cli.serving.serve import EXPECTED, run, serving
from idp.cli.terminal import printable
from idp.flows.assembly import UnusableRealmError
from idp.realms.files.documents import documents, only
from idp.realms.loading import RealmUnreadableError
from idp.settings.loading import load
from idp.settings.tables import Settings

_HOST = "127.0.0.1"


def serve_sandbox(file: Path, *, port: int) -> int:
    """Serve until told to stop; return 2 if there is nothing to serve."""
    try:
        with tempfile.TemporaryDirectory(prefix="hyrja-sandbox-") as folder:
            settings = _settings(file, Path(folder), port)
            run(lambda: serving(settings, environment=os.environ, when_running=_introduce))
    except (RealmUnreadableError, UnusableRealmError, *EXPECTED) as error:
        sys.stderr.write(printable(f"idp flow sandbox: {error}\n"))
        return 2
    return 0


def _settings(file: Path, folder: Path, port: int) -> Settings:
    """Write the realm and its settings into a folder of their own."""
    loaded = read_realm(file)
    customers = tuple(customers_of(SymbolicRealm(loaded.realm, no_services()), loaded.users))
    document = sandbox(only(documents(file)), customers)
    (folder / "realm.json").write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")
    (folder / "idp.toml").write_text(_SETTINGS.format(folder=folder, port=port, host=_HOST), encoding="utf-8")
    for number, customer in enumerate(customers):
        left = "" if replayable(customer) else "  (not served: needs a key that signs)"
        sys.stderr.write(printable(f"customer-{number:03}  {customer.name}{left}\n"))
    return load(folder / "idp.toml", environment={})


async def _introduce(site: Site) -> None:
    (desk,) = site.desks.values()
    sys.stderr.write(
        printable(f"The sandbox of {desk.realm.name} is served; Ctrl-C stops it and removes everything.\n")
    )
    sys.stderr.flush()


_SETTINGS = """
environment = "development"
[server]
base_url = "http://{host}:{port}"
host = "{host}"
port = {port}
[store]
path = "{folder}/hyrja.sqlite"
[secrets]
master_key_files = ["{folder}/master.key"]
create_master_key = true
vault = "{folder}"
[realms]
files = ["{folder}/realm.json"]
[hashing]
memory_kib = 7168
iterations = 1
[sms]
gateway = "outbox"
outbox_file = "{folder}/outbox.jsonl"
[mail]
gateway = "outbox"
[log]
file = "{folder}/idp.jsonl"
"""
