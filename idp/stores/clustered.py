"""The store of many nodes: MongoDB for what must survive, Redis for what lives minutes. Imported only where set."""

from __future__ import annotations

import secrets
import time
from functools import partial

from idp.ports import Clock, Observer
from idp.settings.tables import Store as StoreSettings
from idp.stores.addresses import address_of
from idp.stores.mongo.connection import Connection, connect
from idp.stores.mongo.fresh import FreshPlace
from idp.stores.mongo.place import MongoPlace
from idp.stores.mongo.schema import is_first_memory
from idp.stores.observed import ObservedPlace
from idp.stores.optimistic import OptimisticKernel, Place
from idp.stores.placement import is_brief
from idp.stores.portable import Portable
from idp.stores.redis.place import RedisPlace


async def open_clustered(
    settings: StoreSettings, *, clock: Clock, serving: bool, may_be_new: bool, observer: Observer | None
) -> Portable:
    """Connect to both; who serves brings the schema up to date.

    `may_be_new`: nothing is brought from another store, so if there was none, then nothing was ever used (decision
    0039).

    Raises:
        StoreUnavailableError: with what to do.

    """
    brief = RedisPlace(
        address_of("redis_url", settings.redis_url, settings.redis_url_file),
        clock=clock,
        random=secrets.token_bytes,
        replicas=settings.redis_replicas,
    )
    url = address_of("mongodb_url", settings.mongodb_url, settings.mongodb_url_file)

    async def begin_together(connection: Connection) -> None:
        await brief.open(is_first=partial(is_first_memory, connection))

    when_new = begin_together if may_be_new else None
    try:
        opened = await MongoPlace.open(url, serving=serving, clock=clock, when_new=when_new)
    except BaseException:
        await brief.close()
        raise
    durable = _observed(opened, "mongodb", observer)
    kernel = OptimisticKernel(
        durable=FreshPlace(durable, connect(url, waits=True)) if serving else durable,
        brief=_observed(brief, "redis", observer),
        is_brief=is_brief,
        clock=clock,
        random=secrets.token_bytes,
        forgot_at=lambda: brief.forgot_at,
    )
    try:
        await brief.open()
    except BaseException:
        await kernel.close()
        raise
    return kernel


def _observed(place: Place, part: str, observer: Observer | None) -> Place:
    if observer is None:
        return place
    return ObservedPlace(place, part=part, observer=observer, timer=time.perf_counter)
