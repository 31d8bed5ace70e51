"""A refused request: its status, its error code, and the challenge that tells the client what to do (RFC 6750 §3)."""

from __future__ import annotations

DPOP_ALGORITHMS = ("ES256", "ES384", "PS256", "EdDSA")


class RefusedError(Exception):
    """The request is not served. The description is public; nothing in it says which check failed in which way."""

    def __init__(
        self,
        status: int,
        error: str,
        description: str,
        *,
        scheme: str = "Bearer",
        challenge: dict[str, str] | None = None,
    ) -> None:
        super().__init__(f"{error}: {description}")
        self.status = status
        self.error = error
        self.description = description
        self.scheme = scheme
        self.challenge = challenge or {}

    @property
    def www_authenticate(self) -> str:
        """The value of `WWW-Authenticate`: RFC 6750 §3, RFC 9449 §7.1, RFC 9470 §3."""
        members = dict(self.challenge)
        if self.error:
            members = {"error": self.error, "error_description": self.description, **members}
        if self.scheme == "DPoP":
            members["algs"] = " ".join(DPOP_ALGORITHMS)
        return f"{self.scheme} " + ", ".join(f'{name}="{value}"' for name, value in members.items())


def nothing_sent() -> RefusedError:
    """RFC 6750 §3.1: who sent no token is told no error."""
    return RefusedError(401, "", "", challenge={"realm": "accounts"})


def invalid_token(*, scheme: str = "Bearer") -> RefusedError:
    """Unknown, expired, revoked, meant for somebody else, or not proven to be the sender's: the same words."""
    return RefusedError(401, "invalid_token", "The access token is not valid here.", scheme=scheme)


def invalid_proof() -> RefusedError:
    """RFC 9449 §7.1."""
    return RefusedError(401, "invalid_dpop_proof", "The DPoP proof is not valid.", scheme="DPoP")


def insufficient_scope(scope: str, *, scheme: str = "Bearer") -> RefusedError:
    """RFC 6750 §3.1."""
    return RefusedError(
        403, "insufficient_scope", "The token does not allow this.", scheme=scheme, challenge={"scope": scope}
    )


def not_agreed(*, scheme: str) -> RefusedError:
    """RFC 9396 §9.1 leaves the wording to the resource server: the customer agreed to something else."""
    return RefusedError(403, "insufficient_authorization", "The customer has not agreed to this.", scheme=scheme)


def step_up(acr: str, max_age: int, *, scheme: str = "Bearer") -> RefusedError:
    """RFC 9470 §3: send the user to log in again, with these parameters."""
    return RefusedError(
        401,
        "insufficient_user_authentication",
        "A stronger or a more recent authentication is needed.",
        scheme=scheme,
        challenge={"acr_values": acr, "max_age": str(max_age)},
    )
