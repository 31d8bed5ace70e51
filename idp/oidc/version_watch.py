"""Keeps a provider at the present version of its realm: what is published beside it is served within a second."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from structlog.typing import FilteringBoundLogger

from idp.crypto.kept_keys import KeptKeys
from idp.flows.versions.published import PublishedRealm
from idp.model.policies.keys import key_policy
from idp.model.session import AuthenticationSession
from idp.model.struct import Frozen
from idp.model.version import Publication, publication_detail
from idp.oidc.provider import Provider
from idp.ports import StoreUnavailableError

_LOOK_EVERY = 0.5  # seconds


class Followed(Frozen, frozen=True, kw_only=True):
    """One realm at work, with everything that changes when a version is published."""

    provider: Provider
    published: PublishedRealm
    kept: KeptKeys


async def follow_version(followed: Followed) -> bool:
    """Look once, and undo what nobody has confirmed in time; tell whether the provider has another version now.

    Raises:
        UnusableRealmError: the version has errors here; the provider serves on with the one it has.

    """
    provider, published = followed.provider, followed.published
    reverted = await published.history.reverted()
    if reverted is not None:
        await record_publication(provider, "REALM_REVERTED", reverted)
    version = await published.prepared()
    if version is None:
        return False
    policy = key_policy(version.assembled.realm)
    keys = await followed.kept.tended(policy)  # those of a new algorithm are made here, which may take a while
    left_out = await provider.registrations.open(version.loaded.representation, version.loaded.realm)
    keys = await followed.kept.tended(policy) or keys  # somebody may have looked after them for the old version
    # Nothing waits from here on: every request sees clients, keys and flows of one version.
    published.swap(version)
    if keys is not None:
        provider.keys = keys
    line = version.publication
    provider.log.info("realm version at work", version=line.version, number=line.number, source=line.source.value)
    if left_out:
        provider.log.warning("registered clients left out", clients=left_out)
    return True


async def record_publication(
    provider: Provider, event_type: str, line: Publication, *, by: AuthenticationSession | None = None
) -> None:
    """Record what happened to a realm's configuration; `by` is the login that did it."""
    await provider.record(
        event_type,
        transaction_id=provider.random_text(9) if by is None else by.transaction_id,
        user_id=None if by is None else by.user_id,
        client_id=None if by is None else by.client_id,
        detail=publication_detail(line),
    )


async def watch_versions(watched: Mapping[str, Followed], log: FilteringBoundLogger) -> None:
    """Look for ever. A realm whose new version cannot run here serves on with the one it has; that is said once."""
    said: dict[str, str] = {}
    while True:
        await asyncio.sleep(_LOOK_EVERY)
        for name, followed in watched.items():
            try:
                await follow_version(followed)
            except StoreUnavailableError as error:  # a traceback twice a second says nothing more
                log.warning("realm version not followed", realm=name, reason=str(error))
            except Exception as error:
                if said.get(name) != str(error):
                    log.exception("realm version not followed", realm=name)
                said[name] = str(error)
            else:
                said.pop(name, None)
