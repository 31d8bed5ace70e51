"""Changing a user without losing somebody else's change."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from idp.model.realm import Realm
from idp.model.user import User
from idp.ports import StoreUnavailableError, Users

_PATIENCE = 20


async def amend(users: Users, user_id: str, change: Callable[[User], User]) -> User:
    """Apply a pure change to the present user, again if somebody else was faster. Durable when this returns."""
    for _ in range(_PATIENCE):
        user = await users.present(user_id)  # what is remembered would lose against the present one each time
        if user is None:
            raise StoreUnavailableError("The user was removed during the login.")
        changed = change(user)
        if changed == user or await users.replace(changed):
            return msgspec.structs.replace(changed, revision=user.revision + 1)
    raise StoreUnavailableError("The user is being changed by too many requests at once.")


def as_everybody(realm: Realm, user: User) -> User:
    """Return a new user with what every new user of the realm gets: default actions, role and groups."""
    defaults = tuple(action.alias for action in realm.required_actions if action.enabled and action.default_action)
    return msgspec.structs.replace(
        user,
        required_actions=tuple(dict.fromkeys((*user.required_actions, *defaults))),
        realm_roles=() if realm.default_role is None else (realm.default_role.name,),
        groups=realm.default_groups,
    )


def without_action(user: User, alias: str) -> User:
    """Return the user without a required action."""
    return msgspec.structs.replace(
        user, required_actions=tuple(action for action in user.required_actions if action != alias)
    )
