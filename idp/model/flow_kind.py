"""The kinds of flows: where a realm file binds one, at which address it begins, and whether it logs the user in."""

from __future__ import annotations

from enum import Enum

from idp.model.struct import Frozen


class FlowKind(Enum):
    """Why a flow runs; the value names it in addresses and in the realm's bindings."""

    BROWSER = "browser"
    DIRECT_GRANT = "direct-grant"
    REGISTRATION = "registration"
    SOFT_TOKEN_REGISTRATION = "soft-token-registration"  # noqa: S105 - the name of a flow, not a secret

    RESET_CREDENTIALS = "reset-credentials"
    FIRST_BROKER_LOGIN = "first-broker-login"

    @property
    def binding(self) -> Binding:
        """Where flows of this kind are bound, and what passing one leads to."""
        return BINDINGS[self]

    @property
    def ends_in_session(self) -> bool:
        """Tell whether passing the flow logs the user in; the others lead back to the login page."""
        return self.binding.ends_in_session


class Binding(Frozen, frozen=True, kw_only=True):
    """How a kind of flow is bound: one line of the table for each kind.

    `realm_key` is the key of the realm file that names the flow, or, with `in_attributes`, the name of one of its
    `attributes`. `default` is the flow where the key is absent: Keycloak's name of its built-in one; empty where there
    is none. `switch` is the key of the realm file without which the flow is never run (empty: always), `client_switch`
    that of a client: it is run for those which have it. `override` is
    the name of the kind in a client's `authenticationFlowBindingOverrides` (empty: clients cannot have their own).
    `address` is the path below the realm at which a browser begins it (empty: no page does).
    """

    realm_key: str
    in_attributes: bool = False
    default: str = ""
    switch: str = ""
    client_switch: str = ""
    override: str = ""
    ends_in_session: bool = False
    address: str = ""

    @property
    def pointer(self) -> str:
        """The JSON pointer of the binding in a realm file."""
        return f"/attributes/{self.realm_key}" if self.in_attributes else f"/{self.realm_key}"


BINDINGS: dict[FlowKind, Binding] = {
    FlowKind.BROWSER: Binding(
        realm_key="browserFlow",
        default="browser",
        override="browser",
        ends_in_session=True,
        address="login-actions/authenticate",
    ),
    # Only where a file says so: the password grant runs the login flow otherwise (decision 0021).
    FlowKind.DIRECT_GRANT: Binding(
        realm_key="directGrantFlow",
        client_switch="directAccessGrantsEnabled",
        override="direct_grant",
        ends_in_session=True,
    ),
    FlowKind.REGISTRATION: Binding(
        realm_key="registrationFlow",
        default="registration",
        switch="registrationAllowed",
        address="login-actions/registration",
    ),
    # An attribute, because Keycloak refuses a whole file for one top-level key it does not know.
    FlowKind.SOFT_TOKEN_REGISTRATION: Binding(
        realm_key="hyrja.softTokenRegistrationFlow",
        in_attributes=True,
        address="login-actions/soft-token-registration",
    ),
    # Ends at the login page, never in a session: what the login asks for besides the password is asked there (T-23).
    FlowKind.RESET_CREDENTIALS: Binding(
        realm_key="resetCredentialsFlow",
        default="reset credentials",
        switch="resetPasswordAllowed",
        address="login-actions/reset-credentials",
    ),
    # Who has logged in elsewhere for the first time; leads back into the login that sent them there.
    FlowKind.FIRST_BROKER_LOGIN: Binding(
        realm_key="firstBrokerLoginFlow", default="first broker login", switch="identityProviders"
    ),
}
"""One line for each kind. A key of a realm file that names a flow of a kind that is not here binds nothing."""
