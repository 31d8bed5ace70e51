"""Where clients of a realm file hear of logouts."""

from __future__ import annotations

from typing import Any

import pytest

from idp.model.clients.logout import LogoutChannels
from idp.model.finding import Severity
from idp.realms.addresses import Reach, reach
from tests.realms.documents import Change, brief, demo, findings, loaded

BACK, FRONT, BYE = "backchannel.logout.url", "frontchannel.logout.url", "post.logout.redirect.uris"
RP = "https://rp.example/out?a=b"


def client(attributes: dict[str, str], **changed: Any) -> Change:
    def change(document: dict[str, Any]) -> None:
        document["clients"][0].update(changed)
        document["clients"][0]["attributes"].update(attributes)

    return change


@pytest.mark.parametrize(
    ("change", "channels"),
    [
        pytest.param(client({}), LogoutChannels(), id="none"),
        pytest.param(client({BACK: RP}), LogoutChannels(back_channel_url=RP), id="back channel, of the user"),
        pytest.param(
            client({BACK: RP, "backchannel.logout.session.required": "true"}),
            LogoutChannels(back_channel_url=RP, back_channel_needs_sid=True),
            id="back channel, of the session",
        ),
        pytest.param(client({FRONT: RP}), LogoutChannels(), id="a front channel that is not switched on"),
        pytest.param(
            client({FRONT: RP}, frontchannelLogout=True), LogoutChannels(front_channel_url=RP), id="front channel"
        ),
        pytest.param(
            client({FRONT: RP, "frontchannel.logout.session.required": "false"}, frontchannelLogout=True),
            LogoutChannels(front_channel_url=RP, front_channel_needs_sid=False),
            id="front channel, of anybody",
        ),
    ],
)
def test_the_channels_are_those_of_the_file(change: Change, channels: LogoutChannels) -> None:
    found = loaded(demo(change)).realm
    assert found.clients["internet-banking"].logout == channels


@pytest.mark.parametrize(
    ("attribute", "address", "severity"),
    [
        (BACK, "http://localhost:9000/out", Severity.WARNING),
        (FRONT, "http://127.0.0.1:9000/out", Severity.WARNING),
        (BACK, "http://rp.example/out", Severity.ERROR),
        (FRONT, "http://rp.example/out", Severity.ERROR),
        (BACK, "/out", Severity.ERROR),
        (FRONT, "javascript:alert(1)", Severity.ERROR),
        (FRONT, "https://rp.example/out#x", Severity.ERROR),
        (FRONT, "https://rp.example; script-src *", Severity.ERROR),
        (BACK, "https://user@rp.example/out", Severity.ERROR),
        (BYE, "javascript:alert(1)", Severity.ERROR),
        (BYE, "data:text/html,x", Severity.ERROR),
        (BYE, "no address", Severity.ERROR),
    ],
)
def test_an_address_that_leads_nowhere_good_is_a_finding(attribute: str, address: str, severity: Severity) -> None:
    found = findings(client({attribute: address}, frontchannelLogout=True))
    assert brief(found) == [("C-LOGOUT-ADDRESS", severity, f"/clients/0/attributes/{attribute}")]
    assert findings(client({attribute: RP}, frontchannelLogout=True)) == []


@pytest.mark.parametrize(
    "address",
    ["https://", "https://[::1", "https://a:0/", "https://a b/", "https://a\n/", "https://a/\\", "ftp://a/", ""],
)
def test_what_is_no_address_leads_nowhere(address: str) -> None:
    assert reach(address) is Reach.NOWHERE
