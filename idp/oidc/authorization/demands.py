"""What client policies demand of an authorization request, beyond what the client's own settings say."""

from __future__ import annotations

from collections.abc import Mapping

from idp.model.clients.rules import ClientRules
from idp.oidc.authorization.response import response_mode_of
from idp.oidc.errors import ErrorCode, OAuthError


def check_demands(parameters: Mapping[str, str], rules: ClientRules) -> None:
    """Refuse a request that a policy of its client forbids; raises `OAuthError` (`invalid_request`)."""
    if rules.session_bound:
        _check_session(parameters)
    if rules.protected_answers:
        _check_answer(parameters, rules)
    if rules.code_bound and not parameters.get("dpop_jkt"):
        raise _refused("The parameter dpop_jkt is missing.")  # RFC 9449 §10


def check_pushed_demands(parameters: Mapping[str, str], rules: ClientRules) -> None:
    """Refuse a pushed request that a policy of its client forbids; raises `OAuthError` (`invalid_request`)."""
    if rules.pushed_pkce and "code_challenge" not in parameters:
        raise _refused("The parameter code_challenge is missing.")


def _check_session(parameters: Mapping[str, str]) -> None:
    """Demand what binds the answer to the browser (FAPI 1.0 Baseline §5.2.2.2, §5.2.2.3): else it could be injected."""
    for required in ("scope", "nonce" if "openid" in parameters.get("scope", "").split() else "state"):
        if not parameters.get(required):
            raise _refused(f"The parameter {required} is missing.")


def _check_answer(parameters: Mapping[str, str], rules: ClientRules) -> None:
    """Demand an answer that nobody can alter on its way (FAPI 1.0 Advanced §5.2.2 (2)): detached signature, or JARM."""
    asked = frozenset(parameters.get("response_type", "").split())
    if asked == {"code"} and response_mode_of(parameters).endswith(".jwt"):
        return
    if asked == {"code", "id_token"} or (asked == {"code", "id_token", "token"} and rules.token_answers):
        return
    raise _refused("The response_type and response_mode are not permitted for the client.")


def _refused(description: str) -> OAuthError:
    return OAuthError(ErrorCode.INVALID_REQUEST, description, detail=f"client policy: {description}")
