"""A refused protocol request: one exception, one list of codes."""

from __future__ import annotations

from enum import StrEnum

from idp.model.struct import Frozen


class ErrorCode(StrEnum):
    """Error codes of the specifications; no other text ever stands in an `error` member."""

    # RFC 6749 §4.1.2.1 and §5.2
    INVALID_REQUEST = "invalid_request"
    INVALID_CLIENT = "invalid_client"
    INVALID_GRANT = "invalid_grant"
    UNAUTHORIZED_CLIENT = "unauthorized_client"
    UNSUPPORTED_GRANT_TYPE = "unsupported_grant_type"
    UNSUPPORTED_RESPONSE_TYPE = "unsupported_response_type"
    INVALID_SCOPE = "invalid_scope"
    ACCESS_DENIED = "access_denied"
    SERVER_ERROR = "server_error"
    TEMPORARILY_UNAVAILABLE = "temporarily_unavailable"
    # OpenID Connect Core §3.1.2.6
    INTERACTION_REQUIRED = "interaction_required"
    LOGIN_REQUIRED = "login_required"
    ACCOUNT_SELECTION_REQUIRED = "account_selection_required"
    CONSENT_REQUIRED = "consent_required"
    REQUEST_NOT_SUPPORTED = "request_not_supported"
    REQUEST_URI_NOT_SUPPORTED = "request_uri_not_supported"
    # OpenID Connect Core §3.1.2.6 and RFC 9101 §7
    INVALID_REQUEST_URI = "invalid_request_uri"
    INVALID_REQUEST_OBJECT = "invalid_request_object"
    REGISTRATION_NOT_SUPPORTED = "registration_not_supported"
    # RFC 8707 §2, RFC 9396 §5
    INVALID_TARGET = "invalid_target"
    INVALID_AUTHORIZATION_DETAILS = "invalid_authorization_details"
    # OpenID Connect Unmet Authentication Requirements 1.0 §2
    UNMET_AUTHENTICATION_REQUIREMENTS = "unmet_authentication_requirements"
    # RFC 7591 §3.2.2
    INVALID_REDIRECT_URI = "invalid_redirect_uri"
    INVALID_CLIENT_METADATA = "invalid_client_metadata"
    # RFC 8628 §3.5
    AUTHORIZATION_PENDING = "authorization_pending"
    SLOW_DOWN = "slow_down"
    EXPIRED_TOKEN = "expired_token"  # noqa: S105 - an error code, not a secret
    # OpenID Connect CIBA Core §13
    UNKNOWN_USER_ID = "unknown_user_id"
    INVALID_BINDING_MESSAGE = "invalid_binding_message"
    # RFC 6750 §3.1
    INVALID_TOKEN = "invalid_token"  # noqa: S105 - an error code, not a secret
    INSUFFICIENT_SCOPE = "insufficient_scope"
    # RFC 9449 §12.2
    INVALID_DPOP_PROOF = "invalid_dpop_proof"
    USE_DPOP_NONCE = "use_dpop_nonce"


_ROUTINE = frozenset(
    {
        ErrorCode.AUTHORIZATION_PENDING,
        ErrorCode.SLOW_DOWN,
        ErrorCode.USE_DPOP_NONCE,
        ErrorCode.TEMPORARILY_UNAVAILABLE,
    }
)
"""What a client that polls or uses nonces is told all the time, and whoever asks too often: no event, or these would
bury the others, and a budget would not keep anybody from filling the store.
"""


class Trace(Frozen, frozen=True, kw_only=True):
    """Whom a refusal concerns, as far as that was *proven* when it happened; for the event, not for the answer."""

    transaction_id: str | None = None
    client_id: str | None = None
    user_id: str | None = None
    sid: str | None = None


class OAuthError(Exception):
    """A refused protocol request.

    `description` is public and vague: unknown, expired, used and another client's code get the same words. `detail`
    is private, for the log. `event` is the Keycloak event type to record; without one, only the log is written.
    `headers` are added to the answer.
    """

    def __init__(
        self,
        code: ErrorCode,
        description: str,
        *,
        detail: str = "",
        status: int | None = None,
        headers: tuple[tuple[bytes, bytes], ...] = (),
        event: str | None = None,
        trace: Trace | None = None,
    ) -> None:
        super().__init__(f"{code}: {detail or description}")
        self.code = code
        self.description = description
        self.detail = detail
        self.status = status or (401 if code is ErrorCode.INVALID_CLIENT else 400)
        self.headers = headers
        self.event = event
        self.trace = trace or Trace()

    def during(self, event: str, *, client_id: str) -> OAuthError:
        """Return the error with what it happened in, keeping what it already knows."""
        trace = self.trace
        if self.code in _ROUTINE:
            return self
        return OAuthError(
            self.code,
            self.description,
            detail=self.detail,
            status=self.status,
            headers=self.headers,
            event=self.event or event,
            trace=Trace(
                transaction_id=trace.transaction_id,
                client_id=trace.client_id or client_id,
                user_id=trace.user_id,
                sid=trace.sid,
            ),
        )
