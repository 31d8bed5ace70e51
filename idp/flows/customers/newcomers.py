"""Users of a realm file that the store does not know yet: created, and sent their first password.

A user who exists is never touched by a realm file. A first password that was made but not handed to the gateway (the
process was killed in between) is made anew, and so is one that ran out unused.

Several processes may start at once over one store. Each user is created by one of them, and each password is made by
the one that marks it as on its way; that mark keeps the others from sending another for as long as sending may take.

Where the realm keeps addresses apart, a newcomer reserves theirs like everybody who is given one (decision 0042). Whose
address is somebody else's stays out: of two users with one address neither would be found by it. So does whoever has
the id or the federated identity of another user, whose account it would become.
"""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Iterable
from typing import Protocol

import msgspec

from idp.audit.events import Recorder
from idp.flows.credentials.password_policy import generated
from idp.flows.credentials.sealed import password_purpose, recovery_code_purpose, seed_purpose
from idp.flows.customers.users import amend, as_everybody
from idp.flows.messages.sending import Wanted, sent_by_bank
from idp.flows.preference import kind_of, with_password
from idp.model.credentials.recovery_codes import RecoveryCode, RecoveryCodes
from idp.model.event import Event
from idp.model.finding import Finding
from idp.model.realm import Realm
from idp.model.user import OtpCredential, PasswordCredential, User
from idp.model.user_search import UserField, UserSearch
from idp.ports import Passwords, RandomBytes, Sealer, SmsSender, Throttle, Users
from idp.realms.users.seeded_keys import SeededCodes
from idp.realms.users.seeds import (
    DeliveredPassword,
    HashedPassword,
    TypedPassword,
    UserSeed,
    held_id,
    held_identity,
    reserved_address,
    shared_address,
)

ON_ITS_WAY = 60
"""Seconds for which a password that is marked as on its way is left to whoever marked it, who may live or not."""

UPDATE_PASSWORD = "UPDATE_PASSWORD"  # noqa: S105 - the name of an action, not a secret

# GSM 03.38 letters only: one ë would double the price. The password is the last word, so that it can be found.
_TEXTS = {
    "sq": "Mire se vini te {realm}. Perdoruesi: {username}. Fjalekalimi juaj i pare: {password}",
    "en": "Welcome to {realm}. User name: {username}. Your first password: {password}",
    "it": "Benvenuti in {realm}. Utente: {username}. La sua prima password: {password}",
}


class Reception(Protocol):
    """What it takes to let users in: a part of what steps may use, also for the command line."""

    @property
    def users(self) -> Users:
        """Where they live."""

    @property
    def passwords(self) -> Passwords:
        """What hashes a password that stands in the file in clear."""

    @property
    def sealer(self) -> Sealer:
        """What seals their credentials."""

    @property
    def sms(self) -> SmsSender:
        """How a first password is delivered."""

    @property
    def throttle(self) -> Throttle:
        """What their messages are counted by."""

    @property
    def random(self) -> RandomBytes:
        """Where ids and first passwords come from."""


class Newcomers:
    """Lets the users of one realm file in."""

    def __init__(self, *, realm: Realm, services: Reception, recorder: Recorder, now: int, alone: bool = True) -> None:
        """`alone`: no other process lets users in, so a password that is on its way is one that was cut off."""
        self.others_at_work = False
        """Whether something was left to another process, so that one should look again after `ON_ITS_WAY`."""
        self.left_out: list[Finding] = []
        """What keeps users of the file from coming."""
        self.delayed: list[Finding] = []
        """What keeps users from coming just now, for two minutes at most."""
        self._alone = alone
        self._realm = realm
        self._services = services
        self._recorder = recorder
        self._now = now

    async def arrive(self, seeds: Iterable[UserSeed]) -> int:
        """Create the users that are new and deliver what is due; return how many were created.

        Raises:
            MessageUndeliveredError: the gateway refused a first password; it is sent at the next start.

        """
        created = 0
        for seed in seeds:
            user = await self._services.users.by_username(seed.username)
            if user is None:
                came = await self._created(seed)
                if came is None:
                    continue
                user, is_ours = came
                created += is_ours
            if not isinstance(seed.password, DeliveredPassword) or not self._is_due(user):
                continue
            if self._is_anothers(user):
                self.others_at_work = True
            else:
                await self._deliver(user, seed.password)
        return created

    async def kept_out(self, seeds: Iterable[UserSeed]) -> AsyncIterator[Finding]:
        """Yield why users of a file would not come, without letting anybody in."""
        for seed in seeds:
            if await self._services.users.by_username(seed.username) is not None:
                continue
            holder = await self._holder_of(seed.email) if self._keeps_address(seed) else None
            finding = await self._held(seed) if holder is None else shared_address(seed, holder.username)
            if finding is not None:
                yield finding

    async def _held(self, seed: UserSeed) -> Finding | None:
        """Return what of a user is somebody else's for good, whatever their address is."""
        if seed.id is not None and await self._services.users.by_id(seed.id) is not None:
            return held_id(seed)
        for position, one in enumerate(seed.identities):
            if await self._services.users.by_identity(one.alias, one.subject) is not None:
                return held_identity(seed, position)
        return None

    async def _holder_of(self, email: str) -> User | None:
        search = UserSearch(text=email, fields=(UserField.EMAIL,), exact=True)
        return next(iter((await self._services.users.search(search, limit=1)).users), None)

    def _keeps_address(self, seed: UserSeed) -> bool:
        return bool(seed.email) and not self._realm.duplicate_emails

    async def _may_have_address(self, seed: UserSeed, user_id: str) -> bool:
        return not self._keeps_address(seed) or await self._services.users.reserve_address(seed.email, user_id)

    def _is_anothers(self, user: User) -> bool:
        password = user.password
        if self._alone or password is None or not password.awaiting_delivery:
            return False
        return self._now < password.created_at + ON_ITS_WAY

    def _is_due(self, user: User) -> bool:
        password = user.password
        if password is None:
            return user.not_before == 0  # a user who once chose a password keeps its absence
        expired = password.expires_at is not None and self._now >= password.expires_at
        return password.awaiting_delivery or (password.temporary and expired)

    async def _created(self, seed: UserSeed) -> tuple[User, bool] | None:
        """Return the new user, and whether it was we who created it; None if the user stays out."""
        user_id = seed.id or str(uuid.UUID(bytes=self._services.random(16), version=4))
        if not await self._may_have_address(seed, user_id):
            there = await self._services.users.by_username(seed.username)
            if there is not None:
                return there, False  # another process was first
            holder = await self._holder_of(seed.email)
            if holder is None:
                # For this very user perhaps: by a process that has not written them yet, or was killed before it did.
                self.others_at_work = True
                self.delayed.append(reserved_address(seed))
            else:
                self.left_out.append(shared_address(seed, holder.username))
            return None
        bare = User(
            id=user_id,
            username=seed.username,
            created_at=self._now if seed.created_at is None else seed.created_at,
            email=seed.email,
            email_verified=seed.email_verified,
            first_name=seed.first_name,
            last_name=seed.last_name,
            enabled=seed.enabled,
            attributes=seed.attributes,
            required_actions=seed.required_actions,
            client_roles=seed.client_roles,
            identities=seed.identities,
            service_account_of=seed.service_account_of,
        )
        user = bare if seed.service_account_of else as_everybody(self._realm, bare)
        if seed.realm_roles is not None:
            user = msgspec.structs.replace(user, realm_roles=seed.realm_roles)
        if seed.groups is not None:
            user = msgspec.structs.replace(user, groups=seed.groups)
        user = await self._with_credentials(user, seed)
        if not await self._services.users.create(user):
            there = await self._services.users.by_username(user.username)
            if there is not None:
                return there, False  # another process was first
            # Never go on with an id that is somebody else's: their password would be replaced.
            self.left_out.append(await self._held(seed) or held_id(seed))
            return None
        await self._record("REGISTER", user)
        return user, True

    async def _with_credentials(self, user: User, seed: UserSeed) -> User:
        tokens = tuple(self._token(user, seed, position) for position in range(len(seed.tokens)))
        match seed.password:
            case HashedPassword(hashed=hashed):
                user = self._with_password(user, hashed, temporary=False)
            case TypedPassword(value=value, temporary=temporary):
                hashed = await self._services.passwords.hash(value.reveal())
                user = self._with_password(user, hashed, temporary=temporary)
            case _:
                pass
        codes = () if seed.recovery_codes is None else (self._recovery_codes(user, seed.recovery_codes),)
        found = (*user.credentials, *tokens, *seed.keys, *codes)
        order = {kind: place for place, kind in reversed(list(enumerate(seed.credential_order)))}
        ordered = sorted(found, key=lambda credential: order.get(kind_of(credential), len(order)))
        return msgspec.structs.replace(user, credentials=tuple(ordered))

    def _recovery_codes(self, user: User, seeded: SeededCodes) -> RecoveryCodes:
        credential_id = self._services.random(16).hex()
        purpose = recovery_code_purpose(self._realm.name, user.id, credential_id)
        seal = self._services.sealer.seal
        codes = tuple(RecoveryCode(number=n, sealed=seal(hashed, purpose=purpose)) for n, hashed in seeded.codes)
        return RecoveryCodes(
            id=credential_id,
            created_at=self._now,
            total=seeded.total,
            codes=codes,
            hashed_with=seeded.hashed_with,
        )

    def _token(self, user: User, seed: UserSeed, position: int) -> OtpCredential:
        token = seed.tokens[position]
        credential_id = self._services.random(16).hex()
        purpose = seed_purpose(self._realm.name, user.id, credential_id)
        return OtpCredential(
            id=credential_id,
            sealed=self._services.sealer.seal(token.seed, purpose=purpose),
            created_at=self._now,
            label=token.label,
            algorithm=token.algorithm,
            digits=token.digits,
            period=token.period,
            kind=token.kind,
            counter=token.counter,
        )

    def _with_password(
        self, user: User, hashed: bytes, *, temporary: bool, expires_at: int | None = None, awaiting: bool = False
    ) -> User:
        credential = PasswordCredential(
            id=self._services.random(16).hex(),
            sealed=self._services.sealer.seal(hashed, purpose=password_purpose(self._realm.name, user.id)),
            created_at=self._now,
            temporary=temporary,
            expires_at=expires_at,
            awaiting_delivery=awaiting,
        )
        actions = (*user.required_actions, UPDATE_PASSWORD) if temporary else user.required_actions
        return msgspec.structs.replace(
            user, credentials=with_password(user, credential), required_actions=tuple(dict.fromkeys(actions))
        )

    async def _deliver(self, user: User, delivery: DeliveredPassword) -> None:
        """Keep the hash first, marked as on its way, if nobody was faster; then send; then take the mark off."""
        password = generated(self._realm.password_policy, self._services.random)
        hashed = await self._services.passwords.hash(password)
        expires_at = self._now + delivery.lifespan
        kept = self._with_password(user, hashed, temporary=True, expires_at=expires_at, awaiting=True)
        if not await self._services.users.replace(kept):
            self.others_at_work = True
            return
        words = self._realm.texts.get(self._realm.default_locale, {}).get("firstPasswordSms")
        words = words or _TEXTS[self._realm.default_locale]
        text = words.replace("{realm}", self._realm.title).replace("{username}", user.username)
        wanted = Wanted(number=user.phone, user_id=user.id)
        text = text.replace("{password}", password)
        await sent_by_bank(self._services.throttle, self._services.sms, self._realm, wanted, text)
        await amend(self._services.users, user.id, _delivered)
        await self._record("SEND_FIRST_PASSWORD", kept)

    async def _record(self, kind: str, user: User) -> None:
        await self._recorder.record(
            Event(
                type=kind,
                at=self._now,
                realm=self._realm.name,
                transaction_id=self._services.random(12).hex(),
                user_id=user.id,
            )
        )


def _delivered(user: User) -> User:
    credentials = tuple(
        msgspec.structs.replace(c, awaiting_delivery=False) if isinstance(c, PasswordCredential) else c
        for c in user.credentials
    )
    return msgspec.structs.replace(user, credentials=credentials)
