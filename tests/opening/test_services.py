"""How many threads hash, where the settings leave it to the machine."""

from __future__ import annotations

import pytest

from idp.opening.services import hashing_workers


@pytest.mark.parametrize(
    ("cores", "processes", "wanted"), [(1, 1, 1), (2, 1, 1), (4, 1, 3), (8, 2, 3), (8, 8, 1), (2, 16, 1)]
)
def test_hashing_leaves_a_core_to_everything_else(cores: int, processes: int, wanted: int) -> None:
    assert hashing_workers(cores, processes=processes) == wanted
