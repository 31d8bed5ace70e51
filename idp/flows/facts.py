"""What a condition may look at: the facts of a login at the moment in which a flow decides.

A fact has a name (`FACTS`), so that whoever reasons about a flow without running it (`idp.assurance`) knows on what a
condition depends, and can follow both of its outcomes.
"""

from __future__ import annotations

from idp.model.client import Client
from idp.model.flow import Evidence
from idp.model.realm import Realm
from idp.model.struct import Frozen
from idp.model.user import User

USER_CREDENTIALS = "user.credentials"
USER_ROLES = "user.roles"
USER_ATTRIBUTES = "user.attributes"
REQUEST_SCOPE = "request.scope"
REQUEST_LEVEL = "request.level"
LOGIN_EVIDENCE = "login.evidence"
LOGIN_SUBFLOWS = "login.subflows"
NETWORK_ADDRESS = "network.address"

FACTS = frozenset(
    (
        USER_CREDENTIALS,
        USER_ROLES,
        USER_ATTRIBUTES,
        REQUEST_SCOPE,
        REQUEST_LEVEL,
        LOGIN_EVIDENCE,
        LOGIN_SUBFLOWS,
        NETWORK_ADDRESS,
    )
)
"""Everything that a condition can depend on, beside its own configuration and the realm's."""


class Facts(Frozen, frozen=True, kw_only=True):
    """One login, as conditions see it.

    `scope` is what is asked for beside what the client always gets, `level` the level of authentication that the
    request asks for (0: none). `evidence` is what counts as proven in this login, also what a user session proved
    before it. `executed` names the sub-flows that have been passed. `address` is the browser's network address.
    """

    realm: Realm
    user: User | None = None
    client: Client | None = None
    scope: tuple[str, ...] = ()
    level: int = 0
    evidence: tuple[Evidence, ...] = ()
    executed: frozenset[str] = frozenset()
    address: str = ""
