"""Keeps a provider's keys those of the store: what operator or schedule change there is served within a second."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from structlog.typing import FilteringBoundLogger

from idp.crypto import key_ring
from idp.crypto.kept_keys import KeptKeys
from idp.model.policies.keys import KeyPolicy, key_policy
from idp.oidc.provider import Provider
from idp.ports import StoreUnavailableError

_LOOK_EVERY = 0.5  # seconds


async def follow_keys(provider: Provider, kept: KeptKeys) -> bool:
    """Look once; tell whether the provider has other keys now."""
    keys = await kept.tended(provider.derived(_policy))
    if keys is None:
        return False
    # One assignment, between two requests: whoever asks sees the old keys or the new ones, never some of each.
    provider.keys = keys
    signing: dict[str, Any] = {algorithm: keys.signer(algorithm).kid for algorithm in keys.algorithms}
    provider.log.info("signing keys loaded", signing=signing)
    return True


async def rotate_now(provider: Provider, kept: KeptKeys) -> list[str]:
    """Give every algorithm a new key that signs and is published at once; return their ids."""
    rotated = [await kept.rotate(algorithm, at_once=True) for algorithm in key_ring.algorithms(await kept.ring())]
    for key in rotated:
        await provider.record(
            "SIGNING_KEY_ROTATED",
            transaction_id=provider.random_text(9),
            detail={"kid": key.kid, "algorithm": key.algorithm},
        )
    await follow_keys(provider, kept)
    return [key.kid for key in rotated]


async def watch_keys(watched: Mapping[str, tuple[Provider, KeptKeys]], log: FilteringBoundLogger) -> None:
    """Look for ever. A realm whose keys cannot be read serves on with those it has."""
    while True:
        await asyncio.sleep(_LOOK_EVERY)
        for name, (provider, kept) in watched.items():
            try:
                await follow_keys(provider, kept)
            except StoreUnavailableError as error:  # a traceback twice a second says nothing more
                log.warning("signing keys not followed", realm=name, reason=str(error))
            except Exception:
                log.exception("signing keys not followed", realm=name)


def _policy(provider: Provider) -> KeyPolicy:
    return key_policy(provider.realm())
