"""The composition root: settings → stores, gateways → realms → the ASGI application. It alone chooses adapters.

The only real clock and the only source of randomness of the provider are named here.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from structlog.typing import FilteringBoundLogger

from idp.crypto.kept_keys import KeptKeys
from idp.flows.compiler import compile_realm
from idp.flows.messages.deliveries import RealmDeliveries, ReceiptBook
from idp.flows.versions.runnable import runnable
from idp.gateways.mail import WrittenMail
from idp.gateways.opening import gateways_of, mail_of, outbox_of
from idp.gateways.outbox import Outbox
from idp.gateways.sms.at_work import SmsGateways
from idp.gateways.sms.route import receipt_routes
from idp.login import development, examination
from idp.login.desk import Desk
from idp.login.routes import login_pages, page_addresses, plain_error, static_routes
from idp.model.finding import Finding, Severity
from idp.model.struct import Frozen
from idp.oidc.metadata.key_watch import rotate_now, watch_keys
from idp.oidc.registration.watch import watch_registrations
from idp.oidc.routes import hot_addresses, hot_endpoints, public_documents
from idp.oidc.sessions.back_channel import watch_deliveries
from idp.oidc.version_watch import Followed, watch_versions
from idp.opening.realms import RealmOpening
from idp.opening.services import passwords_of, sealer_of, surroundings_of
from idp.ports import Clock, MailSender, Observer, RandomBytes, SmsSender, Store, Unobserved
from idp.realms.files.placeholders import Surroundings
from idp.realms.loading import LoadedRealm, RealmUnreadableError, load_files
from idp.settings.loading import StartError
from idp.settings.tables import Settings
from idp.softtoken import application as softtoken
from idp.stores.opening import open_store
from idp.stores.upkeep.sweeping import pause_after
from idp.web.client_certificates import ClientCertificates
from idp.web.documents import PublicDocuments
from idp.web.http import Application, Receive, Scope, Send
from idp.web.letters import Letters
from idp.web.locales import Locales
from idp.web.middleware import BoundedBodies, KnownHosts, SecurityHeaders, TrustedProxies
from idp.web.pages import Pages


class Outside(Frozen, frozen=True, kw_only=True):
    """The outside world, for the tests to replace: time, randomness, the environment's variables."""

    clock: Clock = time.time  # noqa: TID251 - the one real clock
    random: RandomBytes = secrets.token_bytes
    environment: Mapping[str, str] = {}


class Site:
    """A provider at work: its ASGI application, and how to end it."""

    def __init__(
        self,
        *,
        application: Application,
        desks: Mapping[str, Desk],
        store: Store,
        closing: contextlib.AsyncExitStack,
        keys: Mapping[str, KeptKeys],
        receipts: ReceiptBook,
        beside: Sequence[Coroutine[None, None, None]] = (),
        addresses: Sequence[str],
        hashing_queue: Callable[[], int],
    ) -> None:
        """`beside`: what else is done as long as the site is open."""
        self.receipts = receipts
        self.addresses = addresses
        """Every address that is served, with `{…}` where something varies."""
        self.hashing_queue = hashing_queue
        """How many passwords wait or are being hashed."""
        self.application = application
        self.desks = desks
        self.store = store
        self.keys = keys
        self._closing = closing
        self._providers = {name: desk.provider for name, desk in desks.items()}
        watched = {name: (desk.provider, keys[name]) for name, desk in desks.items()}
        followed = {
            name: Followed(provider=desk.provider, published=desk.published, kept=keys[name])
            for name, desk in desks.items()
        }
        loop = asyncio.get_running_loop()
        self._background = [
            loop.create_task(self._sweep()),
            loop.create_task(watch_keys(watched, structlog.get_logger())),
            loop.create_task(watch_versions(followed, structlog.get_logger())),
            loop.create_task(watch_registrations([desk.provider for desk in desks.values()], structlog.get_logger())),
            loop.create_task(watch_deliveries(self._providers, structlog.get_logger())),
            *map(loop.create_task, beside),
        ]

    async def close(self) -> None:
        """Finish what was acknowledged and let go of everything."""
        await _ended(self._background)
        for desk in self.desks.values():
            await desk.provider.recorder.close()
            await desk.provider.errands.close()
        await self._closing.aclose()

    async def _sweep(self) -> None:
        """Remove what expired, a little at a time; a store that cannot be written is tried again later."""
        log = structlog.get_logger()
        removed = 0
        while True:
            await asyncio.sleep(pause_after(removed))
            try:
                removed = await self.store.sweep()
            except Exception:
                removed = 0
                log.exception("sweep failed")


async def _ended(tasks: Sequence[asyncio.Task[None]]) -> None:
    """End tasks that would go on for ever, however often that must be said.

    A driver may turn the cancelling of a call into an error of its own, and a watch goes on after every error.
    """
    while pending := [task for task in tasks if not task.done()]:
        for task in pending:
            task.cancel()
        # Sooner than a watch's pause is over: told only while it calls, it would go on for ever.
        await asyncio.wait(pending, timeout=0.1)


def load_realms(settings: Settings, surroundings: Surroundings) -> list[tuple[str, LoadedRealm]]:
    """Load and check every realm file; each realm comes with the file that it is from.

    Raises:
        StartError: one of them has errors; the text holds all errors of all files.

    """
    loaded: list[tuple[str, LoadedRealm]] = []
    problems: list[str] = []
    for name in settings.realms.files:
        try:
            of_file = load_files(Path(name), surroundings=surroundings)
        except RealmUnreadableError as error:
            problems.extend(_lines(name, error.findings))
            continue
        for found in of_file:
            problems.extend(_lines(name, _judged(found)))
        loaded.extend((name, found) for found in of_file)
    names = Counter(found.realm.name for _, found in loaded)
    problems.extend(f"  Realm “{name}” stands in {n} files: keep one of them." for name, n in names.items() if n > 1)
    if problems:
        raise StartError("The realms do not start:\n" + "\n".join(problems) + _import_instead(loaded))
    return loaded


def _import_instead(loaded: Sequence[tuple[str, LoadedRealm]]) -> str:
    """Tell of the import where it would help: where nothing but single parts of a foreign realm has errors."""
    refused = [found for _, found in loaded if _judged(found)]
    if not refused or any(_judged(runnable(found)) for found in refused):
        return ""
    return "\nIf these are realms of another Keycloak, take them in with idp realm import: it sets such parts aside."


def _judged(found: LoadedRealm) -> list[Finding]:
    findings = (*found.findings, *compile_realm(found.realm)[1])
    return [finding for finding in findings if finding.severity is Severity.ERROR]


def _lines(name: str, findings: Sequence[Finding]) -> list[str]:
    return [f"  {name}: {finding}" for finding in findings]


async def open_site(
    settings: Settings,
    *,
    outside: Outside,
    log: FilteringBoundLogger,
    sms: SmsSender | None = None,
    mail: MailSender | None = None,
    shared: Store | None = None,
    observer: Observer | None = None,
) -> Site:
    """Open the stores, load the realms, let newcomers in, and put the application together.

    `shared`: a store that other sites of this process serve from as well; it is left open.

    Raises:
        StartError, SettingsError, MasterKeyError, StoreUnavailableError: with what to do.

    """
    for switch in settings.test_switches:
        log.warning("test switch is on", setting=switch)
    surroundings = surroundings_of(settings, outside.environment)
    realms = load_realms(settings, surroundings)
    sealer = sealer_of(settings)
    outbox = outbox_of(settings, outside.clock) if sms is None else None
    async with contextlib.AsyncExitStack() as undo:  # a start that fails lets go of everything, too
        store = shared
        if store is None:
            store = await open_store(settings.store, clock=outside.clock, use="serve", observer=observer)
            undo.push_async_callback(store.close)
        gateways = SmsGateways(sms) if sms is not None else gateways_of(settings, outbox, clock=outside.clock, log=log)
        undo.push_async_callback(gateways.close)
        passwords = passwords_of(settings, outside.random, observer)
        undo.callback(passwords.close)
        locales = Locales.load()
        pages = Pages(locales=locales)
        sender_of = mail_of(settings, outbox, clock=outside.clock, random=outside.random)
        letters = WrittenMail(Letters(locales), sender_of=sender_of if mail is None else lambda _: mail)
        opening = RealmOpening(
            settings=settings,
            clock=outside.clock,
            random=outside.random,
            log=log,
            store=store,
            sealer=sealer,
            sms=gateways.sender,
            mail=letters,
            passwords=passwords,
            pages=pages,
            surroundings=surroundings,
            alone=shared is None and not settings.store.clustered,
            observer=observer or Unobserved(),
        )
        desks = {found.realm.name: await opening.desk(found.realm.name, found, path=path) for path, found in realms}
        for name in await opening.imported(but=desks):
            desks[name] = await opening.desk(name)
        if not desks:
            raise StartError("There is no realm: name a file in realms.files, or take one in with idp realm import.")
        book = _receipt_book(desks, outside.clock)
        gateways.start(book.keep)
        left = await opening.welcome(desks, [found for _, found in realms])
        receipts = receipt_routes(doors=gateways.doors, base_url=settings.server.base_url, keep=book.keep, log=log)
        routes = _routes(settings, desks=desks, pages=pages, outbox=outbox, keys=opening.keys, beside=receipts)
        return Site(
            application=_application(settings, routes, desks=desks, pages=pages, random=outside.random),
            desks=desks,
            store=store,
            closing=undo.pop_all(),
            keys=opening.keys,
            receipts=book,
            beside=[opening.go_on_welcoming(desks, left)],
            addresses=[*hot_addresses(), *page_addresses(), *(route.path for route in routes)],
            hashing_queue=lambda: passwords.queued,
        )


def _receipt_book(desks: Mapping[str, Desk], clock: Clock) -> ReceiptBook:
    providers = {name: desk.provider for name, desk in desks.items()}
    return ReceiptBook(
        {
            name: RealmDeliveries(messages=provider.stores.message_deliveries, recorder=provider.recorder)
            for name, provider in providers.items()
        },
        clock,
    )


def _routes(
    settings: Settings,
    *,
    desks: Mapping[str, Desk],
    pages: Pages,
    outbox: Outbox | None,
    keys: Mapping[str, KeptKeys],
    beside: Sequence[Route],
) -> Sequence[Route]:
    """Return the addresses of files, and of pages beside a login. `beside`: those that belong to no realm."""

    def title(realm: str) -> str | None:
        desk = desks.get(realm)
        return desk.realm.title if desk is not None and desk.realm.enabled else None

    routes: list[Route] = [
        *static_routes(pages),
        *softtoken.routes(display_name=title),
        *beside,
    ]
    if outbox is not None:
        routes += development.routes(messages=outbox.messages, customers=lambda: _customers(desks), pages=pages)
    if settings.conformance.ciba_decisions:
        routes += examination.routes(desks=desks)
    if settings.conformance.key_rotation:
        routes += examination.rotation_routes(desks=desks, rotate=_rotation(desks, keys))
    return routes


def _application(
    settings: Settings,
    routes: Sequence[Route],
    *,
    desks: Mapping[str, Desk],
    pages: Pages,
    random: RandomBytes,
) -> Application:
    starlette = Starlette(routes=routes, exception_handlers={HTTPException: _not_found(pages)})
    # It would mend a slash at the end by a 307, which posts credentials again (RFC 9700 §4.12, CVE-2023-49594).
    starlette.router.redirect_slashes = False
    providers = {name: desk.provider for name, desk in desks.items()}
    find = hot_endpoints(providers)
    page = login_pages(desks=desks, pages=pages, random=random)

    async def front(scope: Scope, receive: Receive, send: Send) -> None:
        await (find(scope) or page(scope) or starlette)(scope, receive, send)

    addresses = (settings.server.base_url, settings.mutual_tls_url)
    hosts = [*(urlsplit(address).hostname or "" for address in addresses if address), *settings.server.allowed_hosts]
    bounded = BoundedBodies(front)
    known = KnownHosts(bounded, hosts=hosts)
    proxied = TrustedProxies(known, networks=settings.server.trusted_proxies)
    # The proxy's own address decides, so it is looked at before the client's takes its place.
    certified = ClientCertificates(proxied, networks=settings.server.trusted_proxies)
    secured = SecurityHeaders(certified, https=settings.https)
    return PublicDocuments(secured, public_documents(providers), hosts=hosts, https=settings.https)


def _rotation(desks: Mapping[str, Desk], keys: Mapping[str, KeptKeys]) -> examination.Rotate:
    async def rotate(realm: str) -> list[str]:
        return await rotate_now(desks[realm].provider, keys[realm])

    return rotate


def _not_found(pages: Pages) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def page(_: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        reply = plain_error(pages, "page_not_found", status=error.status_code)
        own = {name.decode(): value.decode() for name, value in reply.headers}
        return Response(reply.body, status_code=reply.status, headers={**own, **(error.headers or {})})

    return page


async def _customers(desks: Mapping[str, Desk]) -> list[dict[str, str]]:
    return [
        {"realm": name, "username": user.username, "phone": user.phone}
        for name, desk in desks.items()
        async for user in desk.provider.stores.users.every()
    ]
