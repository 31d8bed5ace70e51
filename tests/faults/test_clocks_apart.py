"""Two nodes, as processes, whose clocks are 30 seconds apart: a login goes from one to the other all the same."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

import httpx
import pytest

from tests.cli.cluster import Node, cluster
from tests.cli.test_cluster import BY_PASSWORD, whole_login
from tests.patience import PATIENCE

pytestmark = pytest.mark.anyio

APART = 30  # seconds
LIBRARY = next(Path("/usr/lib").glob("**/faketime/libfaketime.so.1"), None)
LOGINS = 6


@pytest.mark.skipif(LIBRARY is None, reason="libfaketime is not installed (Debian: apt-get install libfaketime)")
async def test_logins_go_on_between_two_nodes_whose_clocks_are_half_a_minute_apart(tmp_path: Path) -> None:
    ahead = {
        "LD_PRELOAD": str(LIBRARY),
        "FAKETIME": f"+{APART}s",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "HYRJA_SERVER__WORKERS": "1",
    }
    async with cluster(tmp_path, edit=BY_PASSWORD, variables=ahead) as (deployment, nodes):
        first, second = [await clock_of(node) for node in nodes]
        assert (second - first).total_seconds() >= APART - 5, "this node's clock is not ahead"
        for _ in range(LOGINS):
            await whole_login(deployment)


async def clock_of(node: Node) -> datetime:
    """Return a node's time, by what it writes above its answers."""
    async with httpx.AsyncClient(trust_env=False, timeout=PATIENCE) as http:
        response = await http.get(f"http://127.0.0.1:{node.port}/")
    return parsedate_to_datetime(response.headers["date"]).astimezone(UTC)
