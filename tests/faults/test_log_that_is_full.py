"""The log's disk full, or nobody reading its pipe, under a serving node: customers notice nothing."""

from __future__ import annotations

import os
import re
from pathlib import Path

import httpx
import pyotp
import pytest

from tests.cli.deployment import Deployment
from tests.cli.test_serve_management import managed
from tests.faults.customer import Application, Customer, settled
from tests.patience import PATIENCE

pytestmark = pytest.mark.anyio
REFUSED = 600  # their lines are more than a pipe holds


def lost(address: str) -> float:
    text = httpx.get(f"{address}/metrics", timeout=PATIENCE).text
    (value,) = re.findall(r"^hyrja_log_lines_lost_total (\S+)$", text, re.MULTILINE)
    return float(value)


async def test_a_full_log_disk_makes_no_customers_answer_an_error_and_is_counted_and_told_once(tmp_path: Path) -> None:
    seed = pyotp.random_base32()
    deployment = Deployment(tmp_path, edit=settled({"customer0": seed}))
    address = managed(deployment)
    deployment.change(str(deployment.log), "/dev/full")
    application = Application(deployment.origin, deployment.secret)
    customer = Customer("customer0", seed, application=application, browser=deployment.browser)
    with deployment.serving() as process:
        await customer.log_in()
        await customer.check()
        assert lost(address) > 5
        assert process.output.count("lines of the log are lost (No space left on device)") == 1


async def test_a_log_that_nobody_reads_stops_nobody(tmp_path: Path) -> None:
    seed = pyotp.random_base32()
    deployment = Deployment(tmp_path, edit=settled({"customer0": seed}))
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    deployment.change(str(deployment.log), str(pipe))
    application = Application(deployment.origin, deployment.secret)
    customer = Customer("customer0", seed, application=application, browser=deployment.browser)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        with deployment.serving():
            async with httpx.AsyncClient(timeout=PATIENCE) as http:
                for _ in range(REFUSED):
                    await http.post(f"{application.issuer}/protocol/openid-connect/token", data={"client_id": "nobody"})
            await customer.log_in()
            await customer.check()
    finally:
        os.close(reader)
