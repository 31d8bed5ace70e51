"""Rules about what is unwise in a realm that would run: each a pure function, silent about its good twin."""

from __future__ import annotations

from collections.abc import Iterator

from idp.model.finding import Finding
from idp.model.realm import Realm
from idp.realms.representation import realm as file
from idp.realms.review.client_rules import client_review
from idp.realms.review.factors import factor_findings
from idp.realms.review.lifetimes import lifetime_findings
from idp.realms.review.notices import notice_findings
from idp.realms.review.passkeys import passkey_findings
from idp.realms.review.passwords import password_findings
from idp.realms.review.people import people_findings


def review_findings(found: file.Realm, realm: Realm) -> Iterator[Finding]:
    """Yield what is unwise about lifetimes, passwords, factors, clients and powerful people."""
    yield from lifetime_findings(found)
    yield from password_findings(found, realm)
    yield from factor_findings(realm)
    yield from passkey_findings(realm)
    yield from people_findings(found)
    yield from notice_findings(found)
    for position, client in enumerate(found.clients):
        yield from client_review(found, client, realm.clients[client.client_id], f"/clients/{position}")
