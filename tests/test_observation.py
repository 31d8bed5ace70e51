"""What a process says of itself when it goes."""

from __future__ import annotations

import pytest

from idp.observation import Observation
from idp.telemetry.health import Phase


@pytest.mark.parametrize(("replaced", "says"), [(False, Phase.DRAINING), (True, Phase.SERVING)])
def test_a_worker_that_goes_says_so_unless_another_one_has_its_place(*, replaced: bool, says: Phase) -> None:
    watch = Observation(figures=None, tracing=None, observers=[])
    watch.health.phase = Phase.SERVING
    if replaced:
        watch.retiring()
    watch.draining()
    assert watch.health.phase is says
