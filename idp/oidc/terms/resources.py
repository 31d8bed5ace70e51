"""The parameter `resource`: which resource servers a token is for (RFC 8707)."""

from __future__ import annotations

from idp.model.realm import Realm
from idp.model.resource import is_resource
from idp.oidc.errors import ErrorCode, OAuthError

_MOST = 10


def known_resources(realm: Realm, named: tuple[str, ...]) -> tuple[str, ...]:
    """Return the resources that a request names, each once; raises `OAuthError` (`invalid_target`).

    A resource server is a client: its own id or its `resources` say what it is called. So nobody is handed a token for
    an audience that the bank does not know.
    """
    if not named:
        return ()
    wanted = tuple(dict.fromkeys(named))
    if len(wanted) > _MOST or not all(is_resource(one) for one in wanted):
        raise OAuthError(ErrorCode.INVALID_TARGET, "A resource is an absolute URI without a fragment.")
    servers = (*realm.clients.values(), *realm.registered.values())
    known = {name for server in servers if server.enabled for name in (server.client_id, *server.resources)}
    if not known.issuperset(wanted):
        raise OAuthError(ErrorCode.INVALID_TARGET, "The resource is not known.", detail=f"resource {wanted}")
    return wanted
