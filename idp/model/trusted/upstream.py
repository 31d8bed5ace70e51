"""Other OpenID providers that may log a realm's users in (Keycloak's identity providers), and who came from them."""

from __future__ import annotations

from typing import Literal

from idp.model.clients.assertion import PUBLIC_KEY_ALGORITHMS, KeySource, PublicKeyAlgorithm, SecretMethod
from idp.model.secret import Secret
from idp.model.struct import Frozen

MapperKind = Literal["attribute", "hardcoded-attribute", "role", "hardcoded-role", "username"]


class UpstreamMapper(Frozen, frozen=True, kw_only=True):
    """What is taken over from the upstream's claims. What each field means depends on the kind.

    `attribute`: the value of `claim` becomes `target`. `hardcoded-attribute`: `value` does. `role`: whoever has `value`
    in `claim` gets the role `target`. `hardcoded-role`: everybody does. `username`: `value` is a template of
    `${CLAIM.name}` and `${ALIAS}`. `every_time`: at each login, and not only at the first.
    """

    name: str
    kind: MapperKind
    claim: str = ""
    value: str = ""
    target: str = ""
    every_time: bool = False


class UpstreamProvider(Frozen, frozen=True, kw_only=True):
    """One upstream OpenID provider, with the meaning of Keycloak's representation.

    A login there counts as one element, whatever it was: nobody here has seen the others.
    """

    alias: str
    display_name: str = ""
    issuer: str
    authorization_url: str
    token_url: str
    keys: KeySource
    client_id: str
    client_secret: Secret
    secret_method: SecretMethod = "client_secret_post"  # noqa: S105 - the name of a method, not a secret
    scope: tuple[str, ...] = ("openid",)
    prompt: str = ""
    algorithms: tuple[PublicKeyAlgorithm, ...] = PUBLIC_KEY_ALGORITHMS
    passes_login_hint: bool = False
    hidden: bool = False
    """It has no button on the login page."""
    order: int = 0
    trusts_email: bool = False
    """An address that it calls verified counts as verified here."""
    link_only: bool = False
    """Only who is linked already logs in by it."""
    first_login_flow: str = ""
    """The flow for who comes the first time; empty: the realm's."""
    mappers: tuple[UpstreamMapper, ...] = ()

    @property
    def title(self) -> str:
        """What a person is shown."""
        return self.display_name or self.alias


class FederatedIdentity(Frozen, frozen=True, kw_only=True):
    """That a user is known to an upstream provider: under which subject there, and by which name."""

    alias: str
    subject: str
    username: str = ""


class Arrival(Frozen, frozen=True, kw_only=True):
    """Somebody who has just logged in at an upstream provider.

    `execution` is the place of the flow that sent them there. `claims` holds what mappers read, as text.
    """

    identity: FederatedIdentity
    execution: str
    at: int
    email: str = ""
    email_verified: bool = False
    first_name: str = ""
    last_name: str = ""
    claims: dict[str, tuple[str, ...]] = {}
