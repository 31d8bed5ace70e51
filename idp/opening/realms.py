"""Opening the realms of a site that starts: their present versions, keys and clients, all of it at work as `Desk`s."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Container, Mapping, Sequence
from urllib.parse import urlsplit

from msgspec.structs import replace
from structlog.typing import FilteringBoundLogger

from idp.crypto.kept_keys import KeptKeys
from idp.flows.assembly import UnusableRealmError
from idp.flows.customers.newcomers import ON_ITS_WAY, Newcomers
from idp.flows.messages.notices import Notices
from idp.flows.step import StepServices
from idp.flows.tabs import Tabs
from idp.flows.versions.published import PublishedRealm, loaded_version
from idp.flows.webauthn.domains import foreign_domains
from idp.gateways.opening import outbound_of
from idp.gateways.settled import SettledMail, SettledOutbound, SettledPasswords, SettledSms, SettledUpstreams
from idp.gateways.upstreams import OpenIdUpstreams
from idp.login.action_links import ACTION_TOKEN
from idp.login.desk import Desk
from idp.model.policies.keys import key_policy
from idp.model.version import Publication, VersionSource
from idp.oidc.authorization.endpoint import AuthorizationEndpoint
from idp.oidc.errands import Errands
from idp.oidc.provider import Provider
from idp.oidc.registration.registrations import Registrations
from idp.oidc.sessions.browser_state import origin_of
from idp.oidc.version_watch import record_publication
from idp.opening.services import client_authorities_of
from idp.ports import (
    Clock,
    Mail,
    MessageUndeliveredError,
    Observer,
    Passwords,
    RandomBytes,
    RealmStores,
    Sealer,
    SmsSender,
    Store,
)
from idp.realms.files.placeholders import Surroundings
from idp.realms.history import Authorship, HistoryRefusedError, RealmHistory
from idp.realms.loading import LoadedRealm
from idp.settings.loading import StartError
from idp.settings.tables import Settings
from idp.telemetry.outside import ObservedOutbound, ObservedSms
from idp.web.pages import Pages

_PATIENCE = 20
_NAMED = 20
"""How many of the users who are left out the log names by their place; it counts them all."""


class RealmOpening:
    """What every realm of a starting site shares: opens one after the other."""

    def __init__(
        self,
        *,
        settings: Settings,
        clock: Clock,
        random: RandomBytes,
        log: FilteringBoundLogger,
        store: Store,
        sealer: Sealer,
        sms: SmsSender,
        mail: Mail,
        passwords: Passwords,
        pages: Pages,
        surroundings: Surroundings,
        alone: bool,
        observer: Observer,
    ) -> None:
        """`alone`: no other process serves from this store."""
        self._alone = alone
        self._settings = settings
        self._clock = clock
        self._random = random
        self._log = log
        self._store = store
        self._sealer = sealer
        self._sms = sms
        self._mail = mail
        self._passwords = passwords
        self._pages = pages
        self._surroundings = surroundings
        self._observer = observer
        self._outbound = ObservedOutbound(outbound_of(settings), observer=observer, timer=time.perf_counter)
        self._upstreams = OpenIdUpstreams(self._outbound, clock=clock)
        self._client_authorities = client_authorities_of(settings)
        self._services: dict[str, StepServices] = {}
        self.keys: dict[str, KeptKeys] = {}

    async def desk(self, name: str, found: LoadedRealm | None = None, *, path: str = "") -> Desk:
        """Open one realm: its present version, its keys, its logins. `found` is what its file at `path` says now."""
        base_url, stores = self._settings.server.base_url, self._store.realm(name)
        history = RealmHistory(realm=name, versions=stores.versions, sealer=self._sealer, clock=self._clock)
        lines = await self._brought_up_to_date(history, found, path)
        live = await self._live(history, found)
        registrations = await self._registrations(live, stores)
        self.keys[name] = kept = KeptKeys(
            stores.secrets, self._sealer, realm=name, clock=self._clock, random=self._random
        )
        try:
            keys = await kept.open(key_policy(replace(live.realm, registered=registrations.clients)))
        except ValueError as error:
            # Never new keys instead: that would silently end every session and open nothing that is kept.
            raise StartError(
                f"The keys of realm {name} do not open ({error}) Restore the master key that sealed this store."
            ) from None
        errands = Errands(self._log.bind(realm=name))

        def price(number: str) -> float:
            return published.realm().sms.price(number) / 1000

        sms = ObservedSms(
            SettledSms(self._sms, stores.settled),
            realm=name,
            price=price,
            observer=self._observer,
            timer=time.perf_counter,
        )
        services = StepServices(
            users=stores.users,
            attempts=stores.attempts,
            throttle=stores.throttle,
            first_use=stores.first_use,
            counters=stores.counters,
            latest=stores.latest,
            passwords=SettledPasswords(self._passwords, stores.settled),
            sealer=self._sealer,
            sms=sms,
            message_deliveries=stores.message_deliveries,
            mail=SettledMail(self._mail, stores.settled),
            upstreams=SettledUpstreams(self._upstreams, stores.settled),
            beside=errands,
            random=self._random,
            code_key=keys.code_key,
            site=urlsplit(base_url).hostname or "",
            origin=origin_of(base_url),
            action_links=f"{base_url}/realms/{name}/{ACTION_TOKEN}",
            token_application=f"{base_url}/realms/{name}/token/",
            settled=stores.settled,
        )
        for domain in foreign_domains(live.realm, services.site):
            # Browsers would refuse every key, each customer's at their own login.
            self._log.warning("no key works at this address", realm=name, domain=domain, host=services.site)
        self._services[name] = services
        published = PublishedRealm(
            history=history,
            services=services,
            surroundings=self._surroundings,
            registered=registrations.clients,
        )
        try:
            version = await published.prepared(known=live)
        except UnusableRealmError as error:
            raise _unusable(name, live.realm.version, error) from None
        assert version is not None, "what was just loaded is not at work yet"
        published.swap(version)
        provider = Provider(
            name=name,
            base_url=base_url,
            stores=stores,
            keys=keys,
            clock=self._clock,
            random=self._random,
            realm=published.realm,
            log=self._log,
            errands=errands,
            notices=Notices(services),
            registrations=registrations,
            sealer=self._sealer,
            outbound=SettledOutbound(self._outbound, stores.settled),
            assembled=published.current,
            sms=sms,
            observer=self._observer,
            mutual_tls_url=self._settings.mutual_tls_url,
            client_authorities=self._client_authorities,
        )
        for event_type, line in lines:
            await record_publication(provider, event_type, line)
        return self._at_work(provider, published)

    async def imported(self, *, but: Container[str]) -> Sequence[str]:
        """Return the realms of the store that no file has ever configured, but for those named.

        A realm whose file was taken out of the settings is not among them: whoever did that wants it gone.
        """
        found = []
        for name in await self._store.realms():
            lines = () if name in but else await self._store.realm(name).versions.log()
            if lines and all(line.source is not VersionSource.FILE for line in lines):
                found.append(name)
        return found

    async def _brought_up_to_date(
        self, history: RealmHistory, found: LoadedRealm | None, path: str
    ) -> Sequence[tuple[str, Publication]]:
        """Undo what nobody confirmed, take the file if it changed, and say which of the two is served."""
        lines = []
        reverted = await history.reverted()
        if reverted is not None:
            lines.append(("REALM_REVERTED", reverted))
            self._log.warning("realm version reverted", realm=history.realm, version=reverted.version)
        if found is None:
            return lines
        taken = await self._taken(history, found, path)
        latest = await history.latest()
        if taken is not None:
            lines.append(("REALM_PUBLISHED", taken))
            self._log.info("realm version published", realm=history.realm, version=taken.version, file=path)
        elif latest is not None and latest.version != found.realm.version:
            # Not a word would leave an operator looking at a file that says something else than what is served.
            self._log.warning(
                "realm file is not what is served",
                realm=history.realm,
                file=path,
                file_version=found.realm.version,
                version=latest.version,
                author=latest.author,
                reason=latest.reason,
                until=f"the file says something new, or: idp realm rollback {history.realm} {found.realm.version[:12]}",
            )
        return lines

    async def _taken(self, history: RealmHistory, found: LoadedRealm, path: str) -> Publication | None:
        """Publish the file if it is news; a node that publishes at this very moment is first, and may say the same."""
        authorship = Authorship(author=f"file {path}", reason="The file is new, or has changed since it was taken.")
        for _ in range(_PATIENCE):
            with contextlib.suppress(HistoryRefusedError):
                return await history.taken_from_file(found.document, authorship, alone=self._alone)
        raise StartError(f"The realm {history.realm} is being published by others all the time. Start again.")

    async def _live(self, history: RealmHistory, found: LoadedRealm | None) -> LoadedRealm:
        """Load the present version, which the file may be."""
        latest = await history.latest()
        assert latest is not None, "a realm without a file is opened because it has a history"
        if found is not None and latest.version == found.realm.version:
            return found
        try:
            return await loaded_version(history, latest.version, self._surroundings)
        except UnusableRealmError as error:
            raise _unusable(history.realm, latest.version, error) from None
        except ValueError as error:
            raise StartError(
                f"The version {latest.version} of realm {history.realm} does not open ({error}). "
                "Restore the master key that sealed this store."
            ) from None

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
            clock=self._clock,
            random=self._random,
            nonce_key=provider.keys.code_key,
            notices=provider.notices,
        )
        authorization = AuthorizationEndpoint(provider=provider, tabs=tabs, published=published)
        return Desk(
            provider=provider,
            published=published,
            tabs=tabs,
            authorization=authorization,
            pages=self._pages,
            https=self._settings.https,
        )

    async def welcome(self, desks: Mapping[str, Desk], realms: Sequence[LoadedRealm]) -> Sequence[LoadedRealm]:
        """Let in the users that the store does not know; a gateway that is down does not keep the provider down.

        Return the realms where another process is at it: should it die, somebody has to look again.
        """
        left = []
        for found in realms:
            desk = desks[found.realm.name]
            newcomers = Newcomers(
                realm=desk.realm,
                services=self._services[found.realm.name],
                recorder=desk.provider.recorder,
                now=desk.provider.now(),
                alone=self._alone,
            )
            try:
                await newcomers.arrive(found.users)
            except MessageUndeliveredError as error:
                self._log.error("first passwords wait for the next start", realm=found.realm.name, reason=str(error))
            if newcomers.others_at_work:
                left.append(found)
            if newcomers.left_out:
                places = [finding.pointer for finding in newcomers.left_out[:_NAMED]]
                self._log.error("users left out", realm=found.realm.name, number=len(newcomers.left_out), places=places)
        return left

    async def go_on_welcoming(self, desks: Mapping[str, Desk], left: Sequence[LoadedRealm]) -> None:
        """Look again until nobody is left to another process."""
        log = self._log
        while left:
            await asyncio.sleep(ON_ITS_WAY)
            try:
                left = await self.welcome(desks, left)
            except Exception:
                log.exception("users not let in")


def _unusable(realm: str, version: str, error: UnusableRealmError) -> StartError:
    return StartError(
        f"The version {version} of realm {realm}, which was published, does not start here:\n{error}\n"
        f"Repair what it names, or go back to a version before it: idp realm rollback {realm}."
    )
