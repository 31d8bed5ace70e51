"""Every port of `idp.ports`, implemented once, over whichever kernel keeps the records."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, suppress

from idp import ports
from idp.stores.kernel import Kernel
from idp.stores.upkeep import sweeping
from idp.stores.verbs.deliveries import KernelLogoutDeliveries
from idp.stores.verbs.grants import KernelAuthorizationCodes, KernelPushedRequests, KernelRefreshFamilies
from idp.stores.verbs.ledger import KernelEvents, KernelSecrets
from idp.stores.verbs.limits import KernelAttempts, KernelThrottle
from idp.stores.verbs.messages import KernelMessageDeliveries
from idp.stores.verbs.once import KernelCounters, KernelFirstUse, KernelLatestValues
from idp.stores.verbs.pending import KernelPendingAuthorizations
from idp.stores.verbs.registrations import KernelInitialTokens, KernelRegisteredClients
from idp.stores.verbs.sessions import KernelAuthenticationSessions, KernelUserSessions
from idp.stores.verbs.users import KernelUsers
from idp.stores.verbs.versions import KernelRealmVersions, realms_with_history

EVENTS_KEPT = 90 * 86400
"""Seconds for which events are kept, unless a deployment says otherwise."""


class KernelRealmStores:
    """Implements `idp.ports.RealmStores`: the realm is fixed here, and no call beneath can name another."""

    def __init__(self, kernel: Kernel, realm: str) -> None:
        self.authentication_sessions: ports.AuthenticationSessions = KernelAuthenticationSessions(kernel, realm)
        self.user_sessions: ports.UserSessions = KernelUserSessions(kernel, realm)
        self.codes: ports.AuthorizationCodes = KernelAuthorizationCodes(kernel, realm)
        self.pushed_requests: ports.PushedRequests = KernelPushedRequests(kernel, realm)
        self.refresh_families: ports.RefreshFamilies = KernelRefreshFamilies(kernel, realm)
        self.pending: ports.PendingAuthorizations = KernelPendingAuthorizations(kernel, realm)
        self.logout_deliveries: ports.LogoutDeliveries = KernelLogoutDeliveries(kernel, realm)
        self.message_deliveries: ports.MessageDeliveries = KernelMessageDeliveries(kernel, realm)
        self.users: ports.Users = KernelUsers(kernel, realm)
        self.attempts: ports.Attempts = KernelAttempts(kernel, realm)
        self.throttle: ports.Throttle = KernelThrottle(kernel, realm)
        self.first_use: ports.FirstUse = KernelFirstUse(kernel, realm)
        self.counters: ports.Counters = KernelCounters(kernel, realm)
        self.latest: ports.LatestValues = KernelLatestValues(kernel, realm)
        self.secrets: ports.KeptSecrets = KernelSecrets(kernel, realm)
        self.versions: ports.RealmVersions = KernelRealmVersions(kernel, realm)
        self.registered_clients: ports.RegisteredClients = KernelRegisteredClients(kernel, realm)
        self.initial_tokens: ports.InitialTokens = KernelInitialTokens(kernel, realm)
        self.events: ports.Events = KernelEvents(kernel, realm)
        self._kernel = kernel

    def together(self) -> AbstractAsyncContextManager[None]:
        """Let what is written in a block be durable when the block ends."""
        return self._kernel.together()

    async def settled(self) -> None:
        """Wait until what the block around has written is durable."""
        await self._kernel.settled()


class KernelStore:
    """Implements `idp.ports.Store`. `events_kept` is the retention of events, in seconds.

    `process` names this process where several serve from the same kernel: of those one sweeps.
    """

    def __init__(
        self, kernel: Kernel, clock: ports.Clock, *, events_kept: int = EVENTS_KEPT, process: str | None = None
    ) -> None:
        self._process = process
        self._kernel = kernel
        self._clock = clock
        self._events_kept = events_kept
        self._realms: dict[str, KernelRealmStores] = {}

    def realm(self, name: str) -> ports.RealmStores:
        """Return the stores of one realm."""
        if name not in self._realms:
            self._realms[name] = KernelRealmStores(self._kernel, name)
        return self._realms[name]

    async def realms(self) -> Sequence[str]:
        """Return the names of every realm that has a history, in order."""
        return await realms_with_history(self._kernel)

    async def sweep(self) -> int:
        """Remove what expired, at most `SWEPT_AT_ONCE` records and as many events; return how many went."""
        if self._process is not None and not await sweeping.may_sweep(self._kernel, self._process):
            return 0
        return await self._kernel.sweep(events_before=self._clock() - self._events_kept, limit=sweeping.SWEPT_AT_ONCE)

    async def health(self) -> Sequence[ports.PartHealth]:
        """Ask every part whether it serves."""
        return await self._kernel.health()

    async def close(self) -> None:
        """Finish what was acknowledged and let go of the files."""
        if self._process is not None:
            with suppress(ports.StoreUnavailableError):  # the lease runs out by itself
                await sweeping.leave(self._kernel, self._process)
        await self._kernel.close()
