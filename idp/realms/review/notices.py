"""A rule about what people are told of their own accounts."""

from __future__ import annotations

from collections.abc import Iterator

from idp.model.finding import Finding
from idp.realms.representation import realm as file
from idp.realms.values import warning

ATTRIBUTE = "hyrja.securityNotices"
_CHANNELS = frozenset({"email", "sms"})


def notice_findings(found: file.Realm) -> Iterator[Finding]:
    """Yield what is unwise about the notices that the file asks for."""
    written = found.attributes.get(ATTRIBUTE)
    if written is None or (written.split() and set(written.split()) <= _CHANNELS):
        return
    problem = f"“{written}”: nobody is told when their password, address or factors change, or their account is locked."
    yield warning("R-NOTICES", f"/attributes/{ATTRIBUTE}", problem, "Write email, sms, or both.")
