"""The composition root: settings → stores, gateways → realms → the ASGI application. It alone chooses adapters.

The only real clock and the only source of randomness of the provider are named here.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import structlog
from msgspec.structs import replace
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute
from structlog.typing import FilteringBoundLogger

from idp import settings as configuration
from idp.crypto.client_certificates import NO_AUTHORITIES, ClientAuthorities
from idp.crypto.kept_keys import KeptKeys
from idp.crypto.passwords import Argon2Passwords
from idp.crypto.sealing import AesGcmSealer, create_master_key, read_master_keys
from idp.flows.assembly import UnusableRealmError
from idp.flows.compiler import compile_realm
from idp.flows.newcomers import Newcomers
from idp.flows.published import PublishedRealm
from idp.flows.step import StepServices
from idp.flows.tabs import Tabs
from idp.gateways.opening import make_folder_of, outbound_of, outbox_of, sms_of
from idp.gateways.outbox import Outbox
from idp.login import development, examination
from idp.login.desk import Desk
from idp.login.routes import plain_error
from idp.login.routes import routes as login_routes
from idp.model.finding import Finding, Severity
from idp.model.key_policy import key_policy
from idp.model.struct import Frozen
from idp.oidc.authorization.endpoint import AuthorizationEndpoint
from idp.oidc.metadata.key_watch import rotate_now, watch_keys
from idp.oidc.provider import Provider
from idp.oidc.registration.registrations import Registrations
from idp.oidc.registration.watch import watch_registrations
from idp.oidc.routes import hot_endpoints
from idp.oidc.sessions.back_channel import watch_deliveries
from idp.ports import Clock, MessageUndeliveredError, Passwords, RandomBytes, RealmStores, Sealer, SmsSender, Store
from idp.realms.loading import LoadedRealm, RealmUnreadableError, load_file
from idp.realms.placeholders import Surroundings, file_vault
from idp.settings import StartError
from idp.softtoken import application as softtoken
from idp.stores.records import KernelStore
from idp.stores.sqlite import SqliteKernel
from idp.web.client_certificates import ClientCertificates
from idp.web.http import Application, Receive, Scope, Send
from idp.web.locales import Locales
from idp.web.middleware import BoundedBodies, KnownHosts, SecurityHeaders, TrustedProxies
from idp.web.pages import Pages

_SWEEP_SECONDS = 5.0
_DAY = 86400


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
    ) -> None:
        self.application = application
        self.desks = desks
        self.store = store
        self._closing = closing
        self._providers = {name: desk.provider for name, desk in desks.items()}
        watched = {name: (desk.provider, keys[name]) for name, desk in desks.items()}
        loop = asyncio.get_running_loop()
        self._background = [
            loop.create_task(self._sweep()),
            loop.create_task(watch_keys(watched, structlog.get_logger())),
            loop.create_task(watch_registrations([desk.provider for desk in desks.values()], structlog.get_logger())),
            loop.create_task(watch_deliveries(self._providers, structlog.get_logger())),
        ]

    async def close(self) -> None:
        """Finish what was acknowledged and let go of everything."""
        for task in self._background:
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
        for desk in self.desks.values():
            await desk.provider.recorder.keep_noted()
            await desk.provider.errands.close()
        await self._closing.aclose()

    async def _sweep(self) -> None:
        """Remove what expired, a little at a time; a store that cannot be written is tried again later."""
        log = structlog.get_logger()
        while True:
            await asyncio.sleep(_SWEEP_SECONDS)
            try:
                await self.store.sweep()
            except Exception:
                log.exception("sweep failed")


def load_realms(settings: configuration.Settings, surroundings: Surroundings) -> list[LoadedRealm]:
    """Load and check every realm file.

    Raises:
        StartError: one of them has errors; the text holds all errors of all files.

    """
    loaded: list[LoadedRealm] = []
    problems: list[str] = []
    for name in settings.realms.files:
        try:
            found = load_file(Path(name), surroundings=surroundings)
        except RealmUnreadableError as error:
            problems.extend(_lines(name, error.findings))
            continue
        findings = (*found.findings, *compile_realm(found.realm)[1])
        problems.extend(_lines(name, [f for f in findings if f.severity is Severity.ERROR]))
        loaded.append(found)
    names = Counter(found.realm.name for found in loaded)
    problems.extend(f"  Realm “{name}” stands in {n} files: keep one of them." for name, n in names.items() if n > 1)
    if problems:
        raise StartError("The realms do not start:\n" + "\n".join(problems))
    return loaded


def _lines(name: str, findings: Sequence[Finding]) -> list[str]:
    return [f"  {name}: {finding}" for finding in findings]


async def open_site(
    settings: configuration.Settings, *, outside: Outside, log: FilteringBoundLogger, sms: SmsSender | None = None
) -> Site:
    """Open the stores, load the realms, let newcomers in, and put the application together.

    Raises:
        StartError, SettingsError, MasterKeyError, StoreUnavailableError: with what to do.

    """
    for switch in settings.test_switches:
        log.warning("test switch is on", setting=switch)
    surroundings = Surroundings(vault=file_vault(Path(settings.secrets.vault)), environment=outside.environment)
    realms = load_realms(settings, surroundings)
    sealer = _sealer(settings)
    outbox = outbox_of(settings, outside.clock) if sms is None else None
    async with contextlib.AsyncExitStack() as undo:  # a start that fails lets go of everything, too
        kernel = SqliteKernel.open(Path(settings.store.path), clock=outside.clock)
        undo.push_async_callback(kernel.close)
        store = KernelStore(kernel, outside.clock, events_kept=settings.store.events_kept_days * _DAY)
        sender, close_sender = sms_of(settings, outbox) if sms is None else (sms, None)
        if close_sender is not None:
            undo.push_async_callback(close_sender)
        passwords = _passwords(settings, outside)
        undo.callback(passwords.close)
        pages = Pages(locales=Locales.load())
        opening = _Opening(
            settings=settings,
            outside=outside,
            log=log,
            store=store,
            sealer=sealer,
            sms=sender,
            passwords=passwords,
            pages=pages,
            surroundings=surroundings,
        )
        desks = {found.realm.name: await opening.desk(found) for found in realms}
        await opening.welcome(desks, realms)
        application = _application(
            settings, desks=desks, pages=pages, outside=outside, outbox=outbox, keys=opening.keys
        )
        return Site(application=application, desks=desks, store=store, closing=undo.pop_all(), keys=opening.keys)


@contextlib.asynccontextmanager
async def registrations_beside(
    settings: configuration.Settings, *, realm: str, outside: Outside
) -> AsyncIterator[tuple[Registrations, RealmStores]]:
    """Open the registered clients of one realm for the command line, whether or not a server is running.

    Raises:
        MasterKeyError, StoreUnavailableError: with what to do.

    """
    sealer = AesGcmSealer(read_master_keys([Path(name) for name in settings.secrets.master_key_files]))
    kernel = SqliteKernel.open(Path(settings.store.path), clock=outside.clock, serving=False)
    try:
        stores = KernelStore(kernel, outside.clock).realm(realm)
        yield Registrations(realm=realm, store=stores.registered_clients, sealer=sealer), stores
    finally:
        await kernel.close()


@contextlib.asynccontextmanager
async def keys_beside(
    settings: configuration.Settings, *, realm: str, outside: Outside
) -> AsyncIterator[tuple[KeptKeys, RealmStores]]:
    """Open the keys of one realm for the command line, whether or not a server is running.

    Raises:
        MasterKeyError, StoreUnavailableError: with what to do.

    """
    sealer = AesGcmSealer(read_master_keys([Path(name) for name in settings.secrets.master_key_files]))
    kernel = SqliteKernel.open(Path(settings.store.path), clock=outside.clock, serving=False)
    try:
        stores = KernelStore(kernel, outside.clock).realm(realm)
        yield KeptKeys(stores.secrets, sealer, realm=realm, clock=outside.clock, random=outside.random), stores
    finally:
        await kernel.close()


def _passwords(settings: configuration.Settings, outside: Outside) -> Argon2Passwords:
    return Argon2Passwords(
        workers=settings.hashing.workers,
        queue=settings.hashing.queue,
        memory_kib=settings.hashing.memory_kib,
        iterations=settings.hashing.iterations,
        random=outside.random,
    )


class _Opening:
    """What every realm of a starting site shares."""

    def __init__(
        self,
        *,
        settings: configuration.Settings,
        outside: Outside,
        log: FilteringBoundLogger,
        store: Store,
        sealer: Sealer,
        sms: SmsSender,
        passwords: Passwords,
        pages: Pages,
        surroundings: Surroundings,
    ) -> None:
        self._settings = settings
        self._outside = outside
        self._log = log
        self._store = store
        self._sealer = sealer
        self._sms = sms
        self._passwords = passwords
        self._pages = pages
        self._surroundings = surroundings
        self._outbound = outbound_of(settings)
        self._client_authorities = _client_authorities(settings)
        self._services: dict[str, StepServices] = {}
        self.keys: dict[str, KeptKeys] = {}

    async def desk(self, found: LoadedRealm) -> Desk:
        """Open one realm: its keys, its published version, its logins."""
        name, outside, base_url = found.realm.name, self._outside, self._settings.server.base_url
        stores = self._store.realm(name)
        registrations = await self._registrations(found, stores)
        self.keys[name] = kept = KeptKeys(
            stores.secrets, self._sealer, realm=name, clock=outside.clock, random=outside.random
        )
        try:
            keys = await kept.open(key_policy(replace(found.realm, registered=registrations.clients)))
        except ValueError as error:
            # Never new keys instead: that would silently end every session and open nothing that is kept.
            raise StartError(
                f"The keys of realm {name} do not open ({error}) Restore the master key that sealed this store."
            ) from None
        services = StepServices(
            users=stores.users,
            attempts=stores.attempts,
            throttle=stores.throttle,
            first_use=stores.first_use,
            counters=stores.counters,
            latest=stores.latest,
            passwords=self._passwords,
            sealer=self._sealer,
            sms=self._sms,
            random=outside.random,
            code_key=keys.code_key,
            site=urlsplit(base_url).hostname or "",
            token_application=f"{base_url}/realms/{name}/token/",
        )
        self._services[name] = services
        published = PublishedRealm(
            name=name,
            versions=stores.versions,
            sealer=self._sealer,
            services=services,
            surroundings=self._surroundings,
            registered=registrations.clients,
        )
        try:
            if await published.publish(found):
                self._log.info("realm version published", realm=name, version=found.realm.version)
        except UnusableRealmError as error:
            raise StartError(str(error)) from None
        provider = Provider(
            name=name,
            base_url=base_url,
            stores=stores,
            keys=keys,
            clock=outside.clock,
            random=outside.random,
            realm=published.realm,
            log=self._log,
            registrations=registrations,
            sealer=self._sealer,
            outbound=self._outbound,
            assembled=published.current,
            sms=self._sms,
            mutual_tls_url=_mutual_tls_url(self._settings),
            client_authorities=self._client_authorities,
        )
        return self._at_work(provider, published)

    async def _registrations(self, found: LoadedRealm, stores: RealmStores) -> Registrations:
        """Build the clients that registered themselves, for what the realm says now."""
        name = found.realm.name
        registrations = Registrations(realm=name, store=stores.registered_clients, sealer=self._sealer)
        try:
            left_out = await registrations.open(found.representation, found.realm)
        except ValueError as error:
            raise StartError(
                f"The registered clients of realm {name} do not open ({error}) Restore the master key that sealed them."
            ) from None
        if left_out:
            self._log.warning("registered clients left out", realm=name, clients=left_out)
        return registrations

    def _at_work(self, provider: Provider, published: PublishedRealm) -> Desk:
        tabs = Tabs(
            realm=provider.name,
            sessions=provider.stores.authentication_sessions,
            users=provider.stores.users,
            assemblies=published.assembled,
            current=published.current,
            recorder=provider.recorder,
            clock=self._outside.clock,
            random=self._outside.random,
            nonce_key=provider.keys.code_key,
        )
        authorization = AuthorizationEndpoint(
            provider=provider, tabs=tabs, assemblies=published.assembled, current=published.current
        )
        return Desk(
            provider=provider,
            published=published,
            tabs=tabs,
            authorization=authorization,
            pages=self._pages,
            https=self._settings.https,
        )

    async def welcome(self, desks: Mapping[str, Desk], realms: Sequence[LoadedRealm]) -> None:
        """Let in the users that the store does not know; a gateway that is down does not keep the provider down."""
        for found in realms:
            desk = desks[found.realm.name]
            newcomers = Newcomers(
                realm=desk.realm,
                services=self._services[found.realm.name],
                recorder=desk.provider.recorder,
                now=desk.provider.now(),
            )
            try:
                await newcomers.arrive(found.users)
            except UnusableRealmError as error:
                raise StartError(str(error)) from None
            except MessageUndeliveredError as error:
                self._log.error("first passwords wait for the next start", realm=found.realm.name, reason=str(error))


def _sealer(settings: configuration.Settings) -> AesGcmSealer:
    paths = [Path(name) for name in settings.secrets.master_key_files]
    if settings.secrets.create_master_key and not paths[0].exists():
        make_folder_of(paths[0])
        create_master_key(paths[0])
    return AesGcmSealer(read_master_keys(paths))


def _application(
    settings: configuration.Settings,
    *,
    desks: Mapping[str, Desk],
    pages: Pages,
    outside: Outside,
    outbox: Outbox | None,
    keys: Mapping[str, KeptKeys],
) -> Application:
    def title(realm: str) -> str | None:
        desk = desks.get(realm)
        return desk.realm.title if desk is not None and desk.realm.enabled else None

    routes: list[BaseRoute] = [
        *login_routes(desks=desks, pages=pages, random=outside.random),
        *softtoken.routes(display_name=title),
    ]
    if outbox is not None:
        routes += development.routes(messages=outbox.messages, customers=lambda: _customers(desks), pages=pages)
    if settings.conformance.ciba_decisions:
        routes += examination.routes(desks=desks)
    if settings.conformance.key_rotation:
        routes += examination.rotation_routes(desks=desks, rotate=_rotation(desks, keys))
    starlette = Starlette(routes=routes, exception_handlers={HTTPException: _not_found(pages)})
    # It would mend a slash at the end by a 307, which posts credentials again (RFC 9700 §4.12, CVE-2023-49594).
    starlette.router.redirect_slashes = False
    find = hot_endpoints({name: desk.provider for name, desk in desks.items()})

    async def front(scope: Scope, receive: Receive, send: Send) -> None:
        hot = find(scope)
        await (hot or starlette)(scope, receive, send)

    addresses = (settings.server.base_url, _mutual_tls_url(settings))
    hosts = [*(urlsplit(address).hostname or "" for address in addresses if address), *settings.server.allowed_hosts]
    bounded = BoundedBodies(front)
    known = KnownHosts(bounded, hosts=hosts)
    proxied = TrustedProxies(known, networks=settings.server.trusted_proxies)
    # The proxy's own address decides, so it is looked at before the client's takes its place.
    certified = ClientCertificates(proxied, networks=settings.server.trusted_proxies)
    return SecurityHeaders(certified, https=settings.https)


def _client_authorities(settings: configuration.Settings) -> ClientAuthorities:
    path = settings.server.client_ca_file
    if not path:
        return NO_AUTHORITIES
    try:
        return ClientAuthorities(Path(path).read_bytes())
    except OSError as error:
        raise StartError(f"server.client_ca_file: {path} cannot be read ({error.strerror}).") from None
    except ValueError:
        raise StartError(f"server.client_ca_file: {path} holds no certificates (PEM).") from None


def _mutual_tls_url(settings: configuration.Settings) -> str:
    return settings.server.mutual_tls.base_url if settings.server.mutual_tls is not None else ""


def _rotation(desks: Mapping[str, Desk], keys: Mapping[str, KeptKeys]) -> examination.Rotate:
    async def rotate(realm: str) -> list[str]:
        return await rotate_now(desks[realm].provider, keys[realm])

    return rotate


def _not_found(pages: Pages) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def page(_: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        response = plain_error(pages, "page_not_found", status=error.status_code)
        response.headers.update(error.headers or {})
        return response

    return page


async def _customers(desks: Mapping[str, Desk]) -> list[dict[str, str]]:
    return [
        {"realm": name, "username": user.username, "phone": user.phone}
        for name, desk in desks.items()
        for user in await desk.provider.stores.users.all()
    ]
