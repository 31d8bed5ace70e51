"""Clients that a realm of Keycloak may have, and that have nothing to ask for here."""

from __future__ import annotations

from collections.abc import Iterator

from idp.model.finding import Finding, Severity
from idp.realms.representation import realm as file
from idp.realms.values import warning

OPENID_CONNECT = "openid-connect"


def foreign_findings(written: file.Client, pointer: str) -> Iterator[Finding]:
    """Yield what a reader must know of a client that is kept and not served."""
    if written.protocol != OPENID_CONNECT:
        problem = f"“{written.client_id}” speaks {written.protocol}: it is kept, and nobody logs in for it here."
        repair = "Give the application OpenID Connect, or leave it where it is."
        yield warning("C-PROTOCOL", f"{pointer}/protocol", problem, repair)
    elif written.bearer_only:
        yield Finding(
            rule="C-BEARER-ONLY",
            severity=Severity.NOTE,
            pointer=f"{pointer}/bearerOnly",
            problem=f"“{written.client_id}” receives tokens and asks for none: it is kept, and not served.",
            repair="To introspect tokens it needs a client with a secret.",
        )
