"""Raw parameters → a checked authorization request, or the one error that the specification names.

parameters ─ find_target ─▶ (client, target) ─ checked ─▶ AuthorizationRequest

Only what cannot be answered at the target raises `UnsafeRequestError`; everything here is answered there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from idp.crypto.jose import TokenError
from idp.model.client import Client
from idp.model.oauth import AskedAction, AuthorizationRequest, ResponseWord
from idp.oidc.authorization.demands import check_demands
from idp.oidc.authorization.response import check_mode, response_type_of
from idp.oidc.authorization.target import Target
from idp.oidc.errors import ErrorCode, OAuthError

PROMPTS = ("none", "login", "consent", "select_account")
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")  # a SHA-256 as base64url (RFC 7636 §4.2)
_LONGEST_HINT = 255
_LONGEST_NONCE = 1024
_LONGEST_STATE = 8192  # some frameworks seal all they know into it
_LONGEST_LIST = 20
_LONGEST_WORD = 255
_LONGEST_AGE = 10  # digits: 300 years

HintReader = Callable[[str], Mapping[str, object]]
"""Verifies an ID token that this provider issued, however old; raises `TokenError`."""


def checked(
    parameters: Mapping[str, str], *, client: Client, target: Target, read_hint: HintReader
) -> AuthorizationRequest:
    """Check a request (OpenID Connect Core §3.1.2.2, RFC 6749 §4.1.1, RFC 7636 §4.4.1).

    Raises:
        OAuthError: to be sent to the target.

    """
    _refuse_unsupported(parameters)
    _check_state(target.state)
    response_type = response_type_of(parameters, client)
    check_mode(parameters, response_type)
    scope = granted_scope(parameters.get("scope", ""), client)
    _check_id_token(response_type, scope)
    check_demands(parameters, client.rules)
    hinted = _hinted_user(parameters, client, read_hint)
    return AuthorizationRequest(
        client_id=client.client_id,
        redirect_uri=target.redirect_uri,
        response_mode=target.response_mode,
        scope=scope,
        response_type=response_type,
        state=target.state,
        nonce=_nonce(parameters, response_type),
        code_challenge=_code_challenge(parameters, client) if "code" in response_type else None,
        prompt=_prompt(parameters),
        max_age=_max_age(parameters, client),
        hinted_user_id=hinted if client.pairwise is None else None,
        hinted_subject=hinted if client.pairwise is not None else None,
        idp_hint=parameters.get("kc_idp_hint", "")[:255],
        login_hint=parameters.get("login_hint", "")[:_LONGEST_HINT],
        ui_locales=_words(parameters, "ui_locales"),
        acr_values=_words(parameters, "acr_values") or client.default_acr_values,
        dpop_jkt=_dpop_jkt(parameters),
        action=_action(parameters),
    )


def _refuse_unsupported(parameters: Mapping[str, str]) -> None:
    if "registration" in parameters:  # OpenID Connect Core §7.2.1
        raise OAuthError(ErrorCode.REGISTRATION_NOT_SUPPORTED, "The parameter registration is not supported.")


def _check_state(state: str | None) -> None:
    # A login is stored before anything is proven: what strangers can make us keep has a size.
    if state is not None and len(state) > _LONGEST_STATE:
        raise OAuthError(ErrorCode.INVALID_REQUEST, "The state is too long.")


def _check_id_token(response_type: tuple[ResponseWord, ...], scope: tuple[str, ...]) -> None:
    # OpenID Connect Core §3.1.2.1: a request for an ID token that is no OpenID request asks for what it excludes.
    if "id_token" in response_type and "openid" not in scope:
        raise OAuthError(ErrorCode.INVALID_REQUEST, "This response_type needs the scope openid.")


def granted_scope(scope: str, client: Client) -> tuple[str, ...]:
    """Return what is granted: what was asked for and may be, and the client's default scopes (Keycloak).

    Unknown values are ignored (OpenID Connect Core §3.1.2.1); the token response says what was granted.
    """
    granted = [name for name in scope.split() if name in client.scopes]
    return tuple(dict.fromkeys((*granted, *client.default_scopes)))


def _nonce(parameters: Mapping[str, str], response_type: tuple[ResponseWord, ...]) -> str | None:
    nonce = parameters.get("nonce")
    # OpenID Connect Core §3.2.2.1, §3.3.2.11: without it an ID token out of an address could be played to the client
    # again in somebody else's browser.
    if nonce is None and "id_token" in response_type:
        raise OAuthError(ErrorCode.INVALID_REQUEST, "The parameter nonce is missing.")
    if nonce is not None and len(nonce) > _LONGEST_NONCE:
        raise OAuthError(ErrorCode.INVALID_REQUEST, "The nonce is too long.")
    return nonce


def _code_challenge(parameters: Mapping[str, str], client: Client) -> str | None:
    challenge = parameters.get("code_challenge")
    if challenge is None:
        if client.pkce_required:  # RFC 9700 §2.1.1
            raise OAuthError(ErrorCode.INVALID_REQUEST, "The parameter code_challenge is missing.")
        if "code_challenge_method" in parameters:
            raise OAuthError(ErrorCode.INVALID_REQUEST, "The parameter code_challenge is missing.")
        return None
    # An absent method means `plain` (RFC 7636 §4.3), which protects nothing that the request can be read with.
    if parameters.get("code_challenge_method") != "S256":
        raise OAuthError(ErrorCode.INVALID_REQUEST, "The code_challenge_method must be S256.")
    if not _CHALLENGE.fullmatch(challenge):
        raise OAuthError(ErrorCode.INVALID_REQUEST, "The code_challenge is not valid.")
    return challenge


def _action(parameters: Mapping[str, str]) -> AskedAction | None:
    """Return the action that is asked for; one that there is not is told in the answer, as `kc_action_status`."""
    asked = parameters.get("kc_action", "")[:_LONGEST_WORD]
    alias, _, parameter = asked.partition(":")
    return AskedAction(alias=alias, parameter=parameter) if alias else None


def _dpop_jkt(parameters: Mapping[str, str]) -> str:
    thumbprint = parameters.get("dpop_jkt", "")
    if thumbprint and not _CHALLENGE.fullmatch(thumbprint):  # RFC 9449 §10: a SHA-256 too
        raise OAuthError(ErrorCode.INVALID_REQUEST, "The dpop_jkt is not valid.")
    return thumbprint


def _prompt(parameters: Mapping[str, str]) -> tuple[str, ...]:
    prompt = tuple(dict.fromkeys(parameters.get("prompt", "").split()))
    if any(value not in PROMPTS for value in prompt):
        raise OAuthError(ErrorCode.INVALID_REQUEST, "The prompt is not supported.")
    if "none" in prompt and len(prompt) > 1:  # OpenID Connect Core §3.1.2.1
        raise OAuthError(ErrorCode.INVALID_REQUEST, "The prompt none stands alone.")
    return prompt


def _max_age(parameters: Mapping[str, str], client: Client) -> int | None:
    text = parameters.get("max_age")
    if text is None:
        return client.default_max_age  # OpenID Connect Dynamic Client Registration §2
    if not (text.isascii() and text.isdigit() and len(text) <= _LONGEST_AGE):
        raise OAuthError(ErrorCode.INVALID_REQUEST, "The max_age is not a number of seconds.")
    return int(text)


def _hinted_user(parameters: Mapping[str, str], client: Client, read_hint: HintReader) -> str | None:
    hint = parameters.get("id_token_hint")
    if hint is None:
        return None
    try:
        claims = read_hint(hint)
        audience = claims.get("aud")
        # Another client's ID token would let this one find out whether its user is logged in here.
        if client.client_id not in (audience if isinstance(audience, list) else [audience]):
            raise TokenError("another client's")  # noqa: TRY301 - one refusal for every reason
        return str(claims["sub"])
    except TokenError as error:
        detail = f"id_token_hint: {error}"
        raise OAuthError(ErrorCode.INVALID_REQUEST, "The id_token_hint is not valid.", detail=detail) from None


def _words(parameters: Mapping[str, str], name: str) -> tuple[str, ...]:
    words = parameters.get(name, "").split()[:_LONGEST_LIST]
    return tuple(word for word in words if len(word) <= _LONGEST_WORD)  # a longer one means nothing to anybody
