from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.exam.openid.examiner import Examiner
from tests.exam.openid.suite import served
from tests.peers.provider import Examined


@pytest.fixture(scope="session")
def examiner(exam: Examined) -> Iterator[Examiner]:
    with served(exam) as suite:
        examiner = Examiner(exam, suite)
        yield examiner
        examiner.close()
