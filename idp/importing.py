"""A realm file into the store, beside a running server: judged, merged with what is live, published, its users let in.

The server that runs serves the new version within a second; a realm that it does not know yet from its next start on.
"""

from __future__ import annotations

import contextlib
import json
import logging
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import structlog
from structlog.typing import FilteringBoundLogger

from idp.audit.events import Recorder
from idp.crypto.base64url import base64url
from idp.flows.compiler import compile_realm
from idp.flows.customers.newcomers import Newcomers
from idp.flows.versions.runnable import runnable
from idp.gateways.opening import gateways_of, outbox_of
from idp.model.finding import Finding
from idp.model.struct import Frozen
from idp.model.version import Publication, VersionSource
from idp.opening.services import passwords_of, sealer_of, surroundings_of
from idp.ports import Clock, Passwords, RandomBytes, RealmStores, Sealer, SmsSender, Throttle, Users
from idp.realms.exchange.merging import Side, merged, with_kept_secrets
from idp.realms.files.placeholders import Surroundings
from idp.realms.history import Authorship, RealmHistory
from idp.realms.loading import LoadedRealm, canonical_document, errors, load, load_users
from idp.realms.users.seeds import UserSeed
from idp.settings.tables import Settings
from idp.stores.opening import open_store

_SECRET_OF_CLIENT = re.compile(r"/clients/[0-9]+/secret")
LAST_IMPORT = "last-import"
"""The draft in which the file of the last import is kept, as it came: what the next one is compared with."""


_WITHOUT_EFFECT = frozenset(
    {
        "A-UNKNOWN-ACTION",
        "C-BEARER-ONLY",
        "C-PROTOCOL",
        "F-UNKNOWN-STEP",
        "M-CONFIG",
        "M-TYPE",
        "R-CREDENTIAL",
        "R-DIRECTORY",
        "R-IDENTITY-PROVIDER",
        "R-LOCALE",
        "R-UNKNOWN-KEY",
    }
)
"""Rules about what is kept and has no effect here."""


class ImportRefusedError(Exception):
    """The file is not imported; the text says why and what to do."""


class Reception(Frozen, frozen=True, kw_only=True):
    """What it takes to let users in (`idp.flows.customers.newcomers.Reception`)."""

    users: Users
    passwords: Passwords
    sealer: Sealer
    sms: SmsSender
    throttle: Throttle
    random: RandomBytes


class Plan(Frozen, frozen=True, kw_only=True):
    """What an import would do: the document, and what is to be said of it.

    `findings` are the errors of the parts that are set aside, `without_effect` what is kept and does nothing here,
    `unwise` how many more findings there are, `made` the pointers of secrets that are new.
    """

    loaded: LoadedRealm
    live: Publication | None
    incoming: bytes
    changes: bool
    findings: tuple[Finding, ...]
    without_effect: tuple[Finding, ...]
    unwise: int
    made: tuple[str, ...]


class Importing:
    """One realm of the store, about to be imported into."""

    def __init__(
        self,
        *,
        history: RealmHistory,
        stores: RealmStores,
        reception: Reception,
        surroundings: Surroundings,
        clock: Clock,
    ) -> None:
        self.stores = stores
        self._history = history
        self._reception = reception
        self._surroundings = surroundings
        self._clock = clock

    async def plan(self, incoming: Mapping[str, Any], *, prefer: Side | None) -> Plan:
        """Merge the incoming document with the live one and judge the result.

        Raises:
            ImportRefusedError: both sides changed the same place, or the result has errors that no part can bear alone.

        """
        latest = await self._history.latest()
        live = {} if latest is None else json.loads(await self._document(latest.version))
        document, made = self._with_secrets(incoming, live)
        if latest is not None:
            base, _ = with_kept_secrets(await self._base(), live)
            result = merged(base, live, document, prefer=prefer)
            if result.conflicts and prefer is None:
                raise ImportRefusedError(_conflicts(result.conflicts))
            document = result.document
        users = incoming.get("users")
        whole = document if users is None else {**document, "users": users}
        strict = load(json.dumps(whole), surroundings=self._surroundings)
        loaded = runnable(strict)
        of_flows = tuple(compile_realm(loaded.realm)[1])
        if problems := [*errors(loaded.findings), *errors(of_flows)]:
            raise ImportRefusedError("The realm cannot run here:\n" + "\n".join(f"  {problem}" for problem in problems))
        refused = (*errors(strict.findings), *errors(tuple(compile_realm(strict.realm)[1])))
        set_aside = {(finding.rule, finding.pointer) for finding in refused}
        others = [f for f in (*loaded.findings, *of_flows) if (f.rule, f.pointer) not in set_aside]
        return Plan(
            loaded=loaded,
            live=latest,
            incoming=canonical_document(incoming),
            changes=latest is None or loaded.realm.version != latest.version,
            findings=refused,
            without_effect=tuple(finding for finding in others if finding.rule in _WITHOUT_EFFECT),
            unwise=sum(finding.rule not in _WITHOUT_EFFECT for finding in others),
            made=made,
        )

    async def publish(self, plan: Plan, authorship: Authorship) -> Publication | None:
        """Publish what was planned, if it changes anything; keep the file for the next three-way comparison.

        Raises `HistoryRefusedError` if somebody else published since.
        """
        line = None
        if plan.changes:
            base = None if plan.live is None else plan.live.version
            line = await self._history.publish(plan.loaded.document, authorship, base=base, source=VersionSource.IMPORT)
        version = plan.loaded.realm.version
        await self._history.keep_draft(LAST_IMPORT, plan.incoming, base=version, author=authorship.author)
        return line

    def newcomers(self, plan: Plan) -> Newcomers:
        """Return who lets in the users that the store does not know; those it knows are never touched."""
        return Newcomers(
            realm=plan.loaded.realm,
            services=self._reception,
            recorder=Recorder(self.stores.events, _quiet()),
            now=int(self._clock()),
        )

    def read(self, plan: Plan, users: Sequence[Any]) -> tuple[tuple[UserSeed, ...], tuple[Finding, ...]]:
        """Read more users of the realm that is planned: those who can arrive, and findings (`load_users`)."""
        return load_users(plan.loaded, users, surroundings=self._surroundings)

    async def _document(self, version: str) -> bytes:
        document = await self._history.document(version)
        if document is None:
            raise ImportRefusedError(f"The version {version} is not in the store.")
        return document

    async def _base(self) -> Any:
        """Return what was applied last: the realm file of the settings, or the file of the last import."""
        sources = (VersionSource.FILE, VersionSource.IMPORT)
        line = next((line for line in await self._history.log() if line.source in sources), None)
        if line is not None and line.source is VersionSource.FILE:
            return json.loads(await self._document(line.version))
        draft = await self.stores.versions.draft(LAST_IMPORT)
        return {} if draft is None else json.loads(self._history.drafted(draft))

    def _with_secrets(
        self, incoming: Mapping[str, Any], live: Mapping[str, Any]
    ) -> tuple[dict[str, Any], tuple[str, ...]]:
        """Put in the place of each masked secret the live one; clients that are new get a new one."""
        settings = {key: value for key, value in incoming.items() if key != "users"}
        document, unknown = with_kept_secrets(settings, live)
        made = []
        for pointer in filter(_SECRET_OF_CLIENT.fullmatch, unknown):
            client = document["clients"][int(pointer.split("/")[2])]
            client["secret"] = base64url(self._reception.random(32))
            made.append(pointer)
        return document, tuple(made)


@contextlib.asynccontextmanager
async def importing_beside(
    settings: Settings, *, realm: str, clock: Clock, random: RandomBytes, environment: Mapping[str, str]
) -> AsyncIterator[Importing]:
    """Open the store for an import, whether or not a server is running; a store that is not there yet is made.

    Raises:
        MasterKeyError, StoreUnavailableError, StartError: with what to do.

    """
    sealer = sealer_of(settings)
    async with contextlib.AsyncExitStack() as undo:
        store = await open_store(settings.store, clock=clock, use="either")
        undo.push_async_callback(store.close)
        stores = store.realm(realm)
        gateways = gateways_of(settings, outbox_of(settings, clock), clock=clock, log=_quiet())
        undo.push_async_callback(gateways.close)
        passwords = passwords_of(settings, random)
        undo.callback(passwords.close)
        yield Importing(
            history=RealmHistory(realm=realm, versions=stores.versions, sealer=sealer, clock=clock),
            stores=stores,
            reception=Reception(
                users=stores.users,
                passwords=passwords,
                sealer=sealer,
                sms=gateways.sender,
                throttle=stores.throttle,
                random=random,
            ),
            surroundings=surroundings_of(settings, environment),
            clock=clock,
        )


def _quiet() -> FilteringBoundLogger:
    """Return a log that writes nothing: what an import does is told at the terminal, and kept as events."""
    log: FilteringBoundLogger = structlog.wrap_logger(
        None, wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL)
    )
    return log


def _conflicts(pointers: tuple[str, ...]) -> str:
    places = "\n".join(f"  {pointer or '/'}" for pointer in pointers)
    return (
        f"The file and the live realm have both changed these places since the last import:\n{places}\n"
        "Say --ours to keep what is live there, or --theirs to take what the file says."
    )
