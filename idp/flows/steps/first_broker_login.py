"""The steps of Keycloak's first broker login: who came from an upstream provider becomes, or is found to be, a user.

An account that exists is never taken over by an address or a name that the other house says: whoever wants it linked
proves to be its owner here, by the factors that they have here.
"""

from __future__ import annotations

import uuid
from typing import ClassVar

import msgspec

from idp.flows.brokering.upstream import CHANGE, linked, taken_over, user_name
from idp.flows.credentials.held import strong_factors
from idp.flows.customers.profile import Judged, field, judged, present, written
from idp.flows.customers.users import amend, as_everybody
from idp.flows.engine import Usability
from idp.flows.step import (
    Challenge,
    Failure,
    Form,
    Login,
    Message,
    NoConfig,
    Outcome,
    StepContract,
    StepEvent,
    StepServices,
    Success,
)
from idp.flows.tree import Execution
from idp.model.policies.profile import KEYCLOAK_PROFILE
from idp.model.realm import Realm
from idp.model.struct import Frozen
from idp.model.trusted.upstream import Arrival
from idp.model.user import User

LINK = "idp-link"
"""What is done at the end of the flow, by no line of it."""
_BY_THE_BANK = frozenset({"username", "phoneNumber", "phoneNumberVerified", "locale"})


class ReviewConfig(Frozen, frozen=True, kw_only=True):
    """Keycloak's `update.profile.on.first.login`: `on`, `missing` or `off`."""

    mode: str = msgspec.field(default="missing", name="update.profile.on.first.login")


class ReviewProfile:
    """`idp-review-profile`: shows what the provider says of the person, to be completed."""

    contract: ClassVar[StepContract] = StepContract(needs_user=False)
    config_type: ClassVar[type[ReviewConfig]] = ReviewConfig

    def __init__(self, execution: Execution, config: ReviewConfig, *, realm: Realm, services: StepServices) -> None:
        del execution, services
        self._mode = config.mode
        policy = KEYCLOAK_PROFILE if realm.profile is None else realm.profile
        self._attributes = tuple(one for one in policy if one.edit and one.name not in _BY_THE_BANK)

    def usable(self, user: User | None) -> Usability:
        """Always."""
        del user
        return Usability.READY

    async def challenge(self, login: Login) -> Outcome:
        """Show what is known; pass if nothing is missing, and the realm wants no more."""
        bare = _bare(login)
        values = {one.name: present(one, bare) for one in self._attributes}
        missing = judged(self._attributes, {name: "\n".join(found) for name, found in values.items()}).wrong
        if self._mode == "off" or (self._mode == "missing" and not missing):
            return Success()
        return self._page(values, {})

    async def verify(self, login: Login, answer: Form) -> Outcome:
        """Take what was written; what the provider vouched for stays vouched for only if it was not changed."""
        judgement = judged(self._attributes, answer)
        if judgement.wrong:
            return self._page(judgement.values, judgement.wrong)
        assert login.arrival is not None
        return Success(arrival=_reviewed(login.arrival, judgement))

    def _page(self, values: dict[str, tuple[str, ...]], wrong: dict[str, Message]) -> Challenge:
        shown = [
            field(one, values.get(one.name, ()), editable=True, wrong=wrong.get(one.name)) for one in self._attributes
        ]
        return Challenge(page="profile.html", fields={"fields": shown, "purpose": "update_profile"})


class CreateUserIfUnique:
    """`idp-create-user-if-unique`: makes an account, if nobody has the name or the address."""

    contract: ClassVar[StepContract] = StepContract(needs_user=False, makes_user=True, gives_way=True)
    config_type: ClassVar[type[NoConfig]] = NoConfig

    def __init__(self, execution: Execution, config: NoConfig, *, realm: Realm, services: StepServices) -> None:
        del execution, config
        self._realm = realm
        self._services = services

    def usable(self, user: User | None) -> Usability:
        """For whoever is nobody yet."""
        return Usability.READY if user is None else Usability.NO

    async def challenge(self, login: Login) -> Outcome:
        """Make the account, or give way to whoever has it already."""
        came = login.arrival
        upstream = self._realm.upstreams.get(came.identity.alias) if came is not None else None
        if came is None or upstream is None:
            return Failure(reason="nobody came from an identity provider", final=True)
        name = came.email if self._realm.email_as_username else user_name(upstream, came)
        if not name or await existing(self._realm, self._services, came, name=name) is not None:
            return Failure(reason="an account of this name or address exists")
        if self._realm.login_with_email and "@" in name and name.casefold() != came.email.casefold():
            # A name that is somebody's address would catch the logins of its owner, who may type either.
            return Failure(reason="the name is an address, and not the person's own")
        users = self._services.users
        alone = came.email and not self._realm.duplicate_emails
        if alone and not await users.reserve_address(came.email, login.transaction_id):
            return Failure(reason="an account of this name or address exists")
        user_id = str(uuid.UUID(bytes=self._services.random(16), version=4))
        bare = msgspec.structs.replace(_bare(login), id=user_id, username=name, attributes={"locale": (login.locale,)})
        user = linked(taken_over(self._realm, upstream, as_everybody(self._realm, bare), came, first=True), came)
        if not await users.create(user):
            return Failure(reason="an account of this name exists")
        told = StepEvent(type="REGISTER", detail={"identity_provider": upstream.alias}, user_id=user.id)
        return Success(user_id=user.id, attempted_username=user.username, events=(told,))

    async def verify(self, login: Login, answer: Form) -> Outcome:
        """Nothing is asked."""
        del answer
        return await self.challenge(login)


class ConfirmLink:
    """`idp-confirm-link`: asks whether the account that there is shall be linked."""

    contract: ClassVar[StepContract] = StepContract(identifies=True, needs_user=False)
    config_type: ClassVar[type[NoConfig]] = NoConfig

    def __init__(self, execution: Execution, config: NoConfig, *, realm: Realm, services: StepServices) -> None:
        del execution, config
        self._realm = realm
        self._services = services

    def usable(self, user: User | None) -> Usability:
        """For whoever is nobody yet."""
        return Usability.READY if user is None else Usability.NO

    async def challenge(self, login: Login) -> Outcome:
        """Ask; the account itself is not described, for the person may not be its owner."""
        upstream = self._realm.upstreams.get(login.arrival.identity.alias) if login.arrival is not None else None
        if login.arrival is None or upstream is None:
            return Failure(reason="nobody came from an identity provider", final=True)
        return Challenge(page="link-account.html", fields={"provider": upstream.title})

    async def verify(self, login: Login, answer: Form) -> Outcome:
        """Go on with the account that exists; its owner still has to prove that they are."""
        came = login.arrival
        if came is None or "kc-link" not in answer:
            return await self.challenge(login)
        upstream = self._realm.upstreams.get(came.identity.alias)
        name = user_name(upstream, came) if upstream is not None else ""
        user = await existing(self._realm, self._services, came, name=name)
        if user is None:
            return Failure(reason="there is no such account any more", final=True)
        return Success(user_id=user.id, attempted_username=user.username)


class LinkIdentity:
    """The end of the flow: the identity becomes the user's, if what was proven in this flow allows it."""

    contract: ClassVar[StepContract] = StepContract(changes=CHANGE)

    def __init__(self, *, services: StepServices, realm: Realm) -> None:
        self._services = services
        self._realm = realm

    def usable(self, user: User | None) -> Usability:
        """Ready for every known user."""
        return Usability.READY if user is not None else Usability.NO

    async def challenge(self, login: Login) -> Outcome:
        """Link."""
        came, user = login.arrival, login.known_user
        upstream = self._realm.upstreams.get(came.identity.alias) if came is not None else None
        if came is None or upstream is None:
            return Failure(reason="nobody came from an identity provider", final=True)
        if came.identity in user.identities:
            return Success()  # the account was made for it
        reason = CHANGE.refusal(login.proven, held=strong_factors(user), made=login.made)
        if reason is not None or not login.proven:
            return Failure(reason=reason or "linking without a proven factor", final=True)
        if await self._services.users.by_identity(came.identity.alias, came.identity.subject) is not None:
            return Failure(reason="somebody else was faster", final=True)
        await amend(
            self._services.users,
            user.id,
            lambda now: linked(taken_over(self._realm, upstream, now, came, first=True), came),
        )
        told = StepEvent(type="FEDERATED_IDENTITY_LINK", detail={"identity_provider": upstream.alias})
        return Success(events=(told,))

    async def verify(self, login: Login, answer: Form) -> Outcome:
        """Nothing is asked."""
        del answer
        return await self.challenge(login)


async def existing(realm: Realm, services: StepServices, came: Arrival, *, name: str) -> User | None:
    """Return the user who has the name or the address that the provider says."""
    by_email = await services.users.by_email(came.email) if came.email and not realm.duplicate_emails else None
    return by_email if by_email is not None else await services.users.by_username(name) if name else None


def _bare(login: Login) -> User:
    came = login.arrival
    bare = User(id="", username="", created_at=login.now)
    if came is None:
        return bare
    return msgspec.structs.replace(
        bare,
        email=came.email,
        email_verified=came.email_verified,
        first_name=came.first_name,
        last_name=came.last_name,
    )


def _reviewed(came: Arrival, judgement: Judged) -> Arrival:
    """Return who came with what they wrote; a changed address is vouched for by nobody."""
    one = written(User(id="", username="", created_at=0, email=came.email), judgement.values)
    return msgspec.structs.replace(
        came,
        email=one.email,
        email_verified=came.email_verified and one.email == came.email,
        first_name=one.first_name,
        last_name=one.last_name,
    )
