"""What absent sections of a realm file mean: Keycloak's built-in flows and required actions (keycloak.md 3.1, 3.3).

A flow that the file does not have by name is added, as Keycloak adds it at an import.
"""

from __future__ import annotations

from collections.abc import Mapping

from idp.model.flow import Flow, FlowExecution, RequiredActionSetting, Requirement

_A, _C, _D, _R = Requirement.ALTERNATIVE, Requirement.CONDITIONAL, Requirement.DISABLED, Requirement.REQUIRED
_Line = tuple[str, Requirement, int] | tuple[str, Requirement, int, str]
_CONDITION: _Line = ("conditional-user-configured", _R, 10)


def _second_factors(config: str) -> tuple[_Line, ...]:
    """Return the sub-flow that asks whoever has a second factor for it, unless a passkey was used already."""
    return (
        _CONDITION,
        ("conditional-credential", _R, 20, config),
        ("auth-otp-form", _A, 30),
        ("webauthn-authenticator", _D, 40),
        ("auth-recovery-authn-code-form", _D, 50),
    )


# An execution is its authenticator, requirement and priority; a sub-flow stands behind “>”. A fourth value is the alias
# of its configuration.
_FLOWS: dict[str, tuple[_Line, ...]] = {
    "browser": (
        ("auth-cookie", _A, 10),
        ("auth-spnego", _D, 20),
        ("identity-provider-redirector", _A, 25),
        (">Organization", _A, 26),
        (">forms", _A, 30),
    ),
    "forms": (("auth-username-password-form", _R, 10), (">Browser - Conditional 2FA", _C, 20)),
    "Browser - Conditional 2FA": _second_factors("browser-conditional-credential"),
    "Organization": ((">Browser - Conditional Organization", _C, 10),),
    "Browser - Conditional Organization": (_CONDITION, ("organization", _A, 20)),
    "direct grant": (
        ("direct-grant-validate-username", _R, 10),
        ("direct-grant-validate-password", _R, 20),
        (">Direct Grant - Conditional OTP", _C, 30),
    ),
    "Direct Grant - Conditional OTP": (_CONDITION, ("direct-grant-validate-otp", _R, 20)),
    "registration": ((">registration form", _R, 10),),
    "registration form": (
        ("registration-user-creation", _R, 20),
        ("registration-password-action", _R, 50),
        ("registration-recaptcha-action", _D, 60),
        ("registration-terms-and-conditions", _D, 70),
    ),
    "reset credentials": (
        ("reset-credentials-choose-user", _R, 10),
        ("reset-credential-email", _R, 20),
        ("reset-password", _R, 30),
        (">Reset - Conditional OTP", _C, 40),
    ),
    "Reset - Conditional OTP": (_CONDITION, ("reset-otp", _R, 20)),
    "clients": (
        ("client-secret", _A, 10),
        ("client-jwt", _A, 20),
        ("client-secret-jwt", _A, 30),
        ("client-x509", _A, 40),
    ),
    "first broker login": (
        ("idp-review-profile", _R, 10, "review profile config"),
        (">User creation or linking", _R, 20),
        (">First Broker Login - Conditional Organization", _C, 60),
    ),
    "User creation or linking": (
        ("idp-create-user-if-unique", _A, 10, "create unique user config"),
        (">Handle Existing Account", _A, 20),
    ),
    "Handle Existing Account": (("idp-confirm-link", _R, 10), (">Account verification options", _R, 20)),
    "Account verification options": (
        ("idp-email-verification", _A, 10),
        (">Verify Existing Account by Re-authentication", _A, 20),
    ),
    "Verify Existing Account by Re-authentication": (
        ("idp-username-password-form", _R, 10),
        (">First broker login - Conditional 2FA", _C, 20),
    ),
    "First broker login - Conditional 2FA": _second_factors("first-broker-login-conditional-credential"),
    "First Broker Login - Conditional Organization": (_CONDITION, ("idp-add-organization-member", _R, 20)),
    "docker auth": (("docker-http-basic-authenticator", _R, 10),),
    "saml ecp": (("http-basic-authenticator", _R, 10),),
}
_KINDS = {"registration form": "form-flow", "clients": "client-flow"}
_TOP = frozenset(
    {
        "browser",
        "direct grant",
        "registration",
        "reset credentials",
        "clients",
        "first broker login",
        "docker auth",
        "saml ecp",
    }
)
_CONFIGURATION: dict[str, dict[str, str]] = {
    "browser-conditional-credential": {"credentials": "webauthn-passwordless"},
    "first-broker-login-conditional-credential": {"credentials": "webauthn-passwordless"},
    "review profile config": {"update.profile.on.first.login": "missing"},
    "create unique user config": {"require.password.update.after.registration": "false"},
}
_ACTIONS: tuple[tuple[str, int, bool], ...] = (
    ("CONFIGURE_TOTP", 10, True),
    ("TERMS_AND_CONDITIONS", 20, False),
    ("UPDATE_PASSWORD", 30, True),
    ("UPDATE_PROFILE", 40, True),
    ("VERIFY_EMAIL", 50, True),
    ("delete_account", 60, False),
    ("UPDATE_EMAIL", 70, False),
    ("webauthn-register", 80, True),
    ("webauthn-register-passwordless", 90, True),
    ("VERIFY_PROFILE", 100, True),
    ("delete_credential", 110, True),
    ("CONFIGURE_RECOVERY_AUTHN_CODES", 130, True),
    ("update_user_locale", 1000, True),
)


def with_stock_flows(written: Mapping[str, Flow]) -> dict[str, Flow]:
    """Return the flows of a realm with the built-in ones that it does not have by name."""
    return {**{alias: _flow(alias) for alias in _FLOWS if alias not in written}, **written}


def with_stock_configuration(written: Mapping[str, dict[str, str]]) -> dict[str, dict[str, str]]:
    """Return the configurations of executions with those that built-in flows name."""
    return {**_CONFIGURATION, **written}


def stock_actions() -> tuple[RequiredActionSetting, ...]:
    """Return the required actions of a realm whose file names none."""
    return tuple(
        RequiredActionSetting(alias=alias, name=alias, enabled=enabled, priority=priority)
        for alias, priority, enabled in _ACTIONS
    )


def _flow(alias: str) -> Flow:
    return Flow(
        alias=alias,
        provider_id=_KINDS.get(alias, "basic-flow"),
        top_level=alias in _TOP,
        built_in=True,
        executions=tuple(_execution(*line) for line in _FLOWS[alias]),
    )


def _execution(name: str, requirement: Requirement, priority: int, config: str | None = None) -> FlowExecution:
    below = name.startswith(">")
    return FlowExecution(
        requirement=requirement,
        priority=priority,
        authenticator=None if below else name,
        flow_alias=name[1:] if below else None,
        config_alias=config,
    )
