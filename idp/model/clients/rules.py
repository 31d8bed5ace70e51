"""What client policies demand of a client beyond its own settings: asked where the client is used.

Whatever a client's own setting can say (PKCE, pushed requests, bound tokens …) is said there, by the policy too; only
what no setting can say stands here. An empty `ClientRules` demands nothing.
"""

from __future__ import annotations

from typing import Literal

from idp.model.struct import Frozen

SECURE_ALGORITHMS: tuple[Literal["PS256", "ES256", "EdDSA"], ...] = ("PS256", "ES256", "EdDSA")
"""The signatures that FAPI 2.0 Security Profile §5.4.1 permits; FAPI 1.0 Advanced §8.6 permits the first two."""


class ClientRules(Frozen, frozen=True, kw_only=True):
    """The demands of every policy that applies to one client, joined: the strictest counts."""

    policies: tuple[str, ...] = ()
    """The names of the policies, for whoever asks why."""
    algorithms: tuple[str, ...] = ()
    """The only signatures of the client, whatever it signs; empty: any that is fit for the purpose."""
    session_bound: bool = False
    """A request must be bound to the browser: by `nonce` where it asks for an ID token, by `state` otherwise."""
    protected_answers: bool = False
    """Only answers that cannot be altered on their way: `code id_token`, or `code` in a signed JWT (JARM)."""
    token_answers: bool = True
    """Whether an access token may be in such an answer (`code id_token token`)."""
    pushed_pkce: bool = False
    """A pushed request must have a `code_challenge` (FAPI 1.0 Advanced §5.2.2 (18))."""
    longest_request: int | None = None
    """Every authorization request must be a signed object with `exp`, `nbf` and `aud`, for at most so many seconds.

    FAPI 1.0 Advanced §5.2.2 (13) to (17), FAPI 2.0 Message Signing §5.3.1.
    """
    encrypted_requests: bool = False
    """Those objects must be encrypted to us as well."""
    code_bound: bool = False
    """The code must be bound to the DPoP key by the authorization request (RFC 9449 §10)."""
    longest_code: int | None = None
    """Seconds that a code may live at most."""
    longest_pushed: int | None = None
    """Seconds that the reference to a pushed request may be good at most."""
    keeps_refresh_token: bool = False
    """Refresh tokens of a confidential client are never rotated (FAPI 2.0 Security Profile §5.3.2.1)."""
    binding_message: bool = False
    """A backchannel authentication request must have a `binding_message` (FAPI-CIBA §5.2.2)."""
    backchannel_request: int | None = None
    """A backchannel authentication request must be signed, with an `exp` at most as many seconds after its `nbf`."""

    def permits(self, algorithm: str) -> bool:
        """Tell whether the client may sign with an algorithm."""
        return not self.algorithms or algorithm in self.algorithms

    def code_lifespan(self, configured: int) -> int:
        """Return for how many seconds a code may live, given what the realm says."""
        return configured if self.longest_code is None else min(configured, self.longest_code)

    def pushed_lifespan(self, configured: int) -> int:
        """Return for how many seconds the reference to a pushed request is good, given what the realm says."""
        return configured if self.longest_pushed is None else min(configured, self.longest_pushed)


NO_RULES = ClientRules()
