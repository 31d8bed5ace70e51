"""kill -9 in the middle of a rotation: the old keys or the new ones, and never anything else."""

from __future__ import annotations

from pathlib import Path

import pytest

from idp.crypto import key_ring
from idp.stores.sqlite import SqliteKernel
from tests.fakes import FakeClock
from tests.stores.processes import running
from tests.stores.rotating_process import ALGORITHMS, POLICY, kept_keys

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("after", [1, 2, 3, 5, 17, 40])
async def test_a_rotation_that_is_killed_leaves_one_signing_key_of_each_algorithm(
    tmp_path: Path, clock: FakeClock, after: int
) -> None:
    path = tmp_path / "idp.db"
    server = SqliteKernel.open(path, clock=clock)
    keys = kept_keys(server, clock)
    await keys.open(POLICY)
    with running("rotating_process", str(path)) as process:
        assert process.stdout is not None
        said = [process.stdout.readline() for _ in range(after)]
        process.kill()
        said += process.stdout.readlines()
    ring = await keys.ring()
    kids = [f"{key.algorithm} {key.kid}\n" for key in ring.keys]
    assert set(said) <= set(kids), "what was acknowledged is there"
    assert len(ring.keys) - 2 - len(said) in {0, 1}, "and at most one that was on its way"
    now = int(clock())
    for algorithm in key_ring.algorithms(ring):
        assert algorithm in ALGORITHMS
        states = [key_ring.state(ring, key, now=now) for key in ring.keys if key.algorithm == algorithm]
        assert states == ["passive"] * (len(states) - 1) + ["active"]
    followed = await keys.tended(POLICY)
    assert followed is not None, "the server follows what came of it"
    assert followed.signer("ES256").kid == [key.kid for key in ring.keys if key.algorithm == "ES256"][-1]
    await server.close()
