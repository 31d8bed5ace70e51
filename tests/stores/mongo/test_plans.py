"""Ten million users are found by an index: what the server says of every search that the place makes.

The stand-in tells of the index and nothing of the order (it sorts where MongoDB would not): see CONTRIBUTING.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from pymongo import AsyncMongoClient
from pymongo.monitoring import CommandFailedEvent, CommandListener, CommandStartedEvent, CommandSucceededEvent

from idp.stores.kernel import EventRow
from idp.stores.mongo.connection import connect
from idp.stores.mongo.documents import Document
from idp.stores.mongo.place import KEPT_AFTER, MongoPlace
from idp.stores.optimistic import Commit, RecordKey, Stamped
from tests.contracts.values import NOW
from tests.stores.mongodb import dropped, fresh_url

pytestmark = pytest.mark.anyio

KEY = RecordKey("user", "realm", "a")
RECORD = Stamped(stamp=b"12345678", value=b"value", expires_at=NOW, owner="agim@example.org")
EVENT = EventRow(at=NOW, type="LOGIN", transaction_id="t", user_id="u", value=b"event")


class Searches(CommandListener):
    """Every search, as it is sent."""

    def __init__(self) -> None:
        self.sent: list[Document] = []

    def started(self, event: CommandStartedEvent) -> None:
        if event.command_name == "find":
            kept = ("find", "filter", "sort", "limit", "hint", "projection")
            self.sent.append({name: event.command[name] for name in kept if name in event.command})

    def succeeded(self, event: CommandSucceededEvent) -> None:
        """Nothing."""

    def failed(self, event: CommandFailedEvent) -> None:
        """Nothing."""


def stages(plan: Mapping[str, Any]) -> list[str]:
    return [str(plan["stage"]), *(stages(plan["inputStage"]) if "inputStage" in plan else ())]


async def test_every_search_goes_by_an_index() -> None:
    searches = Searches()
    async with dropped(fresh_url()) as url:
        await (await MongoPlace.open(url, serving=True)).close()
        plain = connect(url)
        client: AsyncMongoClient[Document] = AsyncMongoClient(url, event_listeners=[searches])
        database = client.get_database(plain.database.name, codec_options=plain.database.codec_options)
        place = MongoPlace(plain._replace(client=client, database=database))

        await place.commit(Commit(now=NOW, expected={}, writes={KEY: RECORD}, events=[("realm", EVENT)]))
        await place.commit(Commit(now=NOW, expected={KEY: b"another"}, writes={KEY: None}, events=()))
        await place.commit(Commit(now=NOW, expected={KEY: RECORD.stamp}, writes={}, events=()))
        await place.get(KEY)
        await place.owned("user", "realm", "agim@example.org", now=NOW)
        await place.page("user", "realm", prefix="a", after="", limit=10, now=NOW)
        await place.page("user", "realm", prefix="a", after="a", limit=None, now=NOW)
        await place.recent("realm", limit=10, transaction_id=None)
        await place.recent("realm", limit=10, transaction_id="t")
        assert await place.sweep(now=NOW + KEPT_AFTER, events_before=NOW + 1, limit=10) == 2

        assert len(searches.sent) >= 10
        for search in list(searches.sent):
            told = await plain.database.command("explain", search, verbosity="queryPlanner")
            plan = stages(told["queryPlanner"]["winningPlan"])
            assert {"IXSCAN", "IDHACK", "EXPRESS_IXSCAN"} & set(plan), (search, plan)
            assert "COLLSCAN" not in plan
        await plain.client.close()
        await place.close()
