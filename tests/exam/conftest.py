from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.peers.provider import Examined, examined


@pytest.fixture(scope="session")
def exam(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Examined]:
    """One provider for the whole exam, as an examiner from outside has it."""
    with examined(tmp_path_factory.mktemp("exam")) as provider:
        yield provider
