"""Parameters of a back-channel request: from the body only, each once, and never empty."""

from __future__ import annotations

from idp.oidc.errors import ErrorCode, OAuthError
from idp.web.forms import FormError, single_values, values_with_lists
from idp.web.http import Request


def form_parameters(request: Request, body: bytes) -> dict[str, str]:
    """Return the parameters of the body.

    What stands in the address is not read: a secret there is in every log on its way (RFC 6749 §2.3.1).
    """
    if not request.has_form:
        raise OAuthError(ErrorCode.INVALID_REQUEST, "The body must be application/x-www-form-urlencoded.")
    return given_parameters(body)


def form_with_lists(
    request: Request, body: bytes, repeatable: frozenset[str]
) -> tuple[dict[str, str], dict[str, tuple[str, ...]]]:
    """Return the parameters of the body, and apart from them those that a specification lets stand there repeatedly."""
    if not request.has_form:
        raise OAuthError(ErrorCode.INVALID_REQUEST, "The body must be application/x-www-form-urlencoded.")
    try:
        values, lists = values_with_lists(body, repeatable)
    except FormError as error:
        raise OAuthError(ErrorCode.INVALID_REQUEST, str(error)) from None
    present = {name: value for name, value in values.items() if value}
    return present, {name: tuple(filter(None, found)) for name, found in lists.items()}


def given_parameters(encoded: bytes) -> dict[str, str]:
    """Parse parameters; one without a value counts as omitted (RFC 6749 §3.1)."""
    try:
        values = single_values(encoded)
    except FormError as error:
        raise OAuthError(ErrorCode.INVALID_REQUEST, str(error)) from None
    return {name: value for name, value in values.items() if value}
