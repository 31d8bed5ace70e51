"""As little of everything as there can be: does it run?"""

from __future__ import annotations

from benchmarks.measuring import Plan

SHORT = Plan(
    rounds=1,
    journeys=3,
    logins=2,
    warm_up=2,
    peer_warm_up=20,
    starts=1,
    rest=0.1,
    patience=0.0,
    paced_rounds=1,
    paced=0.1,
    burst=3,
    sessions=50,
    settling=10,
    widths=(1, 2),
)
