"""Every step, condition and required action that a realm file can name. Adding one is one line here."""

from __future__ import annotations

from idp.flows.actions.configure_recovery_codes import ConfigureRecoveryCodes
from idp.flows.actions.configure_totp import ConfigureTotp
from idp.flows.actions.delete_account import DeleteAccount
from idp.flows.actions.delete_credential import DeleteCredential
from idp.flows.actions.profile import UpdateProfile, VerifyProfile
from idp.flows.actions.terms import Terms
from idp.flows.actions.update_password import UpdatePassword
from idp.flows.actions.update_user_locale import UpdateUserLocale
from idp.flows.actions.verify_email import UpdateEmail, VerifyEmail
from idp.flows.actions.webauthn_register import RegisterPasskey, RegisterSecurityKey
from idp.flows.condition import ConditionType
from idp.flows.conditions.configured import UserConfigured
from idp.flows.conditions.login import Credential, SubflowExecuted
from idp.flows.conditions.request import ClientScope, LevelOfAuthentication, NetworkAddress
from idp.flows.conditions.user import UserAttribute, UserRole
from idp.flows.step import ActionType, StepType
from idp.flows.steps.access import AllowAccess, DenyAccess
from idp.flows.steps.cookie import Cookie
from idp.flows.steps.email_otp import EmailOtp
from idp.flows.steps.first_broker_login import ConfirmLink, CreateUserIfUnique, ReviewProfile
from idp.flows.steps.identity_provider import IdentityProviderRedirector
from idp.flows.steps.otp import Otp
from idp.flows.steps.password import Password, Username, UsernamePassword
from idp.flows.steps.recovery_code import RecoveryCode
from idp.flows.steps.registration import PARTS as REGISTRATION_PARTS
from idp.flows.steps.registration import RegistrationForm
from idp.flows.steps.reset.choose_user import ChooseUser
from idp.flows.steps.reset.email import ResetEmail
from idp.flows.steps.reset.otp import ResetOtp
from idp.flows.steps.reset.password import ResetPassword
from idp.flows.steps.reset.sms import ResetSms
from idp.flows.steps.session_limits import SessionLimits
from idp.flows.steps.sms_otp import SmsOtp
from idp.flows.steps.soft_token_enrolment import SoftTokenEnrolment
from idp.flows.steps.soft_token_gate import SoftTokenGate
from idp.flows.steps.trusted_device import TrustDevice, TrustedDevice
from idp.flows.steps.webauthn import Passkey, SecurityKey

STEPS: dict[str, StepType] = {
    "auth-cookie": Cookie,
    "allow-access-authenticator": AllowAccess,
    "deny-access-authenticator": DenyAccess,
    "auth-username-password-form": UsernamePassword,
    "auth-username-form": Username,
    "auth-password-form": Password,
    "auth-otp-form": Otp,
    # The same proofs, counters and locks, by the names that they have in a direct grant flow: no page shows them there.
    "direct-grant-validate-username": Username,
    "direct-grant-validate-password": Password,
    "direct-grant-validate-otp": Otp,
    "webauthn-authenticator": SecurityKey,
    "webauthn-authenticator-passwordless": Passkey,
    "auth-recovery-authn-code-form": RecoveryCode,
    "sms-otp": SmsOtp,
    "registration-page-form": RegistrationForm,
    "identity-provider-redirector": IdentityProviderRedirector,
    "idp-review-profile": ReviewProfile,
    "idp-create-user-if-unique": CreateUserIfUnique,
    "idp-confirm-link": ConfirmLink,
    "idp-username-password-form": UsernamePassword,
    "user-session-limits": SessionLimits,
    "trusted-device": TrustedDevice,
    "trust-device": TrustDevice,
    "email-otp": EmailOtp,
    "reset-credentials-choose-user": ChooseUser,
    "reset-credential-email": ResetEmail,
    "reset-credential-sms": ResetSms,
    "reset-password": ResetPassword,
    "reset-otp": ResetOtp,
    "soft-token-gate": SoftTokenGate,
    "soft-token-enrolment": SoftTokenEnrolment,
}

CONDITIONS: dict[str, ConditionType] = {
    "conditional-user-configured": UserConfigured,
    "conditional-user-role": UserRole,
    "conditional-user-attribute": UserAttribute,
    "conditional-client-scope": ClientScope,
    "conditional-credential": Credential,
    "conditional-sub-flow-executed": SubflowExecuted,
    "conditional-level-of-authentication": LevelOfAuthentication,
    "conditional-client-ip-address": NetworkAddress,
}

FORMS: dict[str, frozenset[str]] = {
    "registration-page-form": REGISTRATION_PARTS,
}
"""The steps that are forms, with the parts that each may be made of (the executions of its `form-flow`)."""

ACTIONS: dict[str, ActionType] = {
    "CONFIGURE_RECOVERY_AUTHN_CODES": ConfigureRecoveryCodes,
    "CONFIGURE_TOTP": ConfigureTotp,
    "TERMS_AND_CONDITIONS": Terms,
    "UPDATE_PASSWORD": UpdatePassword,
    "UPDATE_PROFILE": UpdateProfile,
    "UPDATE_EMAIL": UpdateEmail,
    "VERIFY_EMAIL": VerifyEmail,
    "VERIFY_PROFILE": VerifyProfile,
    "delete_account": DeleteAccount,
    "delete_credential": DeleteCredential,
    "update_user_locale": UpdateUserLocale,
    "webauthn-register": RegisterSecurityKey,
    "webauthn-register-passwordless": RegisterPasskey,
}
