"""Clients of a realm file under the FAPI policies, each with keys and a certificate, driven by a certified library."""

from __future__ import annotations

import pytest

from scripts.exam import FAMILIES
from tests.peers.provider import Examined, missing

CONFIGURATIONS = [
    f"{family}-{authentication}-{sender}"
    for family, (senders, _) in FAMILIES.items()
    if family != "ciba-ping"  # a ping needs somebody who listens: tests/exam/fapi/test_ciba.py
    for sender in senders
    for authentication in ("private-key-jwt", "mtls")
]

pytestmark = pytest.mark.skipif(missing() is not None, reason=missing() or "")


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_a_client_under_a_policy_works_as_its_profile_says_and_not_otherwise(exam: Examined, name: str) -> None:
    given = exam.given(
        configuration=exam.exam.configurations[name],
        callback="https://suite.example/test/a/hyrja/callback",
        ca=exam.certificate.read_text(encoding="utf-8"),
    )
    done = exam.run("fapi.mjs", name, given)
    assert done.returncode == 0, done.stderr[-4000:]
