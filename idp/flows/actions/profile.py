"""`VERIFY_PROFILE` and `UPDATE_PROFILE`: the person sees the data that the bank has of them.

The first asks for a confirmation, and for what the realm's profile demands and the user lacks; the second lets the
person write whatever the profile gives into their hands.
"""

from __future__ import annotations

from typing import ClassVar

import msgspec

from idp.flows.customers.profile import Judged, judged, lacking, may_write, shown, written
from idp.flows.customers.users import amend, without_action
from idp.flows.engine import Usability
from idp.flows.step import (
    Challenge,
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
from idp.model.flow import RequiredActionSetting
from idp.model.policies.profile import BANK_PROFILE, ProfileAttribute
from idp.model.realm import Realm
from idp.model.user import User

_CONFIRMED = "kc-confirm"
_MOST_ADDRESSES, _AN_HOUR = 5, 3600


class VerifyProfile:
    """Shows the profile and waits for a confirmation."""

    contract: ClassVar[StepContract] = StepContract(needs_proof=True)
    config_type: ClassVar[type[NoConfig]] = NoConfig
    heading: ClassVar[str] = "verify_profile"

    def __init__(
        self, setting: RequiredActionSetting, config: NoConfig, *, realm: Realm, services: StepServices
    ) -> None:
        del config
        self._alias = setting.alias
        self._realm = realm
        self._policy = BANK_PROFILE if realm.profile is None else realm.profile
        self._services = services

    def usable(self, user: User | None) -> Usability:
        """Ready for every known user."""
        return Usability.READY if user is not None else Usability.NO

    def due(self, user: User, now: int) -> bool:
        """Due for as long as the user lacks what the realm's own profile demands."""
        del now
        return self._realm.profile is not None and bool(lacking(self._realm.profile, user))

    async def challenge(self, login: Login) -> Outcome:
        """Show the profile."""
        return self._page(login.known_user)

    async def verify(self, login: Login, answer: Form) -> Outcome:
        """Keep the confirmation and what was written; a form without the button shows the page again."""
        if _CONFIRMED not in answer:
            return await self.challenge(login)
        judgement = judged(self._editable(login.known_user), answer)
        if not judgement.wrong and await self._is_anothers(login, judgement):
            judgement = Judged(values=judgement.values, wrong={"email": Message(key="profile_invalid:taken")})
        if judgement.wrong:
            return self._page(login.known_user, judgement)
        before = login.known_user

        def confirmed(user: User) -> User:
            changed = written(user, judgement.values)
            return without_action(msgspec.structs.replace(changed, profile_confirmed_at=login.now), self._alias)

        after = await amend(self._services.users, before.id, confirmed)
        return Success(events=self._events(before, after))

    async def _is_anothers(self, login: Login, judgement: Judged) -> bool:
        """Tell whether somebody else has the written address: of two who have it, nobody is found by it any more.

        Whoever asks for many is told nothing of the rest: each answer says whether an address is a customer's.
        """
        email = "".join(judgement.values.get("email", ()))
        if not email or self._realm.duplicate_emails:
            return False
        within = await self._services.throttle.hit(
            "profile-address", login.known_user.id, limit=_MOST_ADDRESSES, window=_AN_HOUR
        )
        return not within or not await self._services.users.reserve_address(email, login.known_user.id)

    def _editable(self, user: User) -> tuple[ProfileAttribute, ...]:
        return () if self._realm.profile is None else lacking(self._realm.profile, user)

    def _events(self, before: User, after: User) -> tuple[StepEvent, ...]:
        told = StepEvent(type="CUSTOM_REQUIRED_ACTION", detail={"custom_required_action": self._alias})
        return (told, *_changes(before, after))

    def _page(self, user: User, judgement: Judged | None = None) -> Challenge:
        fields = shown(self._policy, user, editable=self._editable(user), judgement=judgement)
        filled = [one for one in fields if one["editable"] or one["value"]]
        return Challenge(page="profile.html", fields={"fields": filled, "purpose": self.heading})


class UpdateProfile(VerifyProfile):
    """Shows the profile, and takes what the person may change of it."""

    contract: ClassVar[StepContract] = StepContract(needs_proof=True, on_request=True)
    heading: ClassVar[str] = "update_profile"

    def due(self, user: User, now: int) -> bool:
        """Never by itself."""
        del user, now
        return False

    def _editable(self, user: User) -> tuple[ProfileAttribute, ...]:
        return tuple(attribute for attribute in self._policy if may_write(attribute, user))

    def _events(self, before: User, after: User) -> tuple[StepEvent, ...]:
        return _changes(before, after) or (StepEvent(type="UPDATE_PROFILE"),)


def _changes(before: User, after: User) -> tuple[StepEvent, ...]:
    """Say what was changed, never to what: the log keeps no copies of people's data."""
    own = ("email", "first_name", "last_name")
    changed = [name for name in own if getattr(before, name) != getattr(after, name)]
    names = before.attributes.keys() | after.attributes.keys()
    changed += sorted(name for name in names if before.attributes.get(name) != after.attributes.get(name))
    return (StepEvent(type="UPDATE_PROFILE", detail={"changed": " ".join(changed)}),) if changed else ()
