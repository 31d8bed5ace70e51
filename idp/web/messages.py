"""Every text that is chosen by a key: messages, headings, password rules, labels, methods, scopes.

A step or an endpoint names what it has to say (`invalid_code`); the words are chosen here and translated when the page
is rendered. English is the msgid. Parameters are written `%(name)s`; a realm's own text writes them `{name}`.

None of these texts may tell which of user name, password, code or lock refused a login: they share one message.
"""

from __future__ import annotations

from idp.model.struct import Frozen


class Plural(Frozen, frozen=True, kw_only=True):
    """A text that depends on a number: the parameter named `count` chooses `one` or `many`."""

    one: str
    many: str
    count: str


Text = str | Plural


def _(msgid: str) -> str:
    """Mark `msgid` for extraction; it is translated when a page shows it."""
    return msgid


def _n(one: str, many: str, *, count: str) -> Plural:
    """Mark a pair of msgids for extraction."""
    return Plural(one=one, many=many, count=count)


MESSAGES: dict[str, Text] = {
    # What refuses a login: a locked, disabled or unknown user reads exactly this (RTS Art. 4(3)(a)).
    "invalid_credentials": _("Invalid user name or password."),
    "invalid_code": _("The code is not valid."),
    "code_expired": _("The code has expired. Ask for a new one."),
    "too_many_sends": _("No more codes can be sent now. Please try again later."),
    "resend_too_soon": _n(
        "A new code can be sent in %(seconds)s second.",
        "A new code can be sent in %(seconds)s seconds.",
        count="seconds",
    ),
    "sms_undelivered": _("We could not send the message. Try again later."),
    "sms_not_delivered": _("The message did not arrive. Ask for it again, or choose another way if there is one."),
    "sms_sent": _("We have sent a code to your phone."),
    "sms_sent_again": _("We have sent the code again."),
    # Where a login stands.
    "action_expired": _("You took too long, or this page was already answered. Please go on here."),
    "page_expired": _("You took too long, or this page was already answered. Please go on here."),
    "page_over": _(
        "You took too long, or this page was already answered. Please go back to where you began, and log in there."
    ),
    "login_expired": _("Your login took too long. Please begin again."),
    "session_restarted": _("We started your login again from the beginning."),
    "reauthenticate": _("Please log in again to continue."),
    "already_logged_in": _("You are already logged in."),
    "choose_method": _("Choose how you want to prove that it is you."),
    "upstream_unknown": _("This way to log in is not offered any more."),
    "account_made": _("Your account is ready. Log in now."),
    "too_many_registrations": _("Too many accounts were asked for from here. Please try again later."),
    "token_registered": _("Your Software Token is registered. Log in now."),
    "webauthn_refused": _("The key was not accepted. Try again, or choose another way."),
    "webauthn_nothing_sent": _("No key was used. Press the button, or choose another way."),
    "webauthn_not_registered": _("The key could not be registered. Try again, or use another key."),
    "webauthn_registered": _("Your key is registered."),
    "recovery_codes_kept": _("Your recovery codes are good from now on; former ones are not."),
    "recovery_codes_few": _n(
        "You have %(left)s recovery code left. Make a new list soon.",
        "You have %(left)s recovery codes left. Make a new list soon.",
        count="left",
    ),
    "credential_not_chosen": _("Choose what you want to remove."),
    "credential_removed": _("It has been removed."),
    "registration_cancelled": _("The registration was cancelled. Nothing has changed."),
    "login_cancelled": _("The login was cancelled."),
    "password_reset": _("Your password is changed. Log in with it now."),
    "link_invalid": _("This link does not work any more. Ask for a new one."),
    "email_sent_again": _("If there is an address, we have sent the message again."),
    "email_undelivered": _("We could not send the message. Try again later."),
    "email_not_confirmed": _("The address is not confirmed yet. Open the link in the message."),
    "email_confirmed": _("The address is confirmed. You may close this page and go on where you began."),
    # What a person still has to do.
    "missing_field": _("Please fill in every field."),
    "passwords_differ": _("The two passwords are not the same."),
    "password_current_same": _("Choose a password that is different from the present one."),
    "password_rejected:too_short": _n(
        "The password needs at least %(min)s character.",
        "The password needs at least %(min)s characters.",
        count="min",
    ),
    "password_rejected:too_long": _n(
        "The password may have at most %(max)s character.",
        "The password may have at most %(max)s characters.",
        count="max",
    ),
    "password_rejected:digits": _n(
        "The password needs at least %(n)s digit.", "The password needs at least %(n)s digits.", count="n"
    ),
    "password_rejected:lower": _n(
        "The password needs at least %(n)s small letter.",
        "The password needs at least %(n)s small letters.",
        count="n",
    ),
    "password_rejected:upper": _n(
        "The password needs at least %(n)s capital letter.",
        "The password needs at least %(n)s capital letters.",
        count="n",
    ),
    "password_rejected:special": _n(
        "The password needs at least %(n)s special character.",
        "The password needs at least %(n)s special characters.",
        count="n",
    ),
    "password_rejected:username": _("The password must not contain your user name."),
    "password_rejected:email": _("The password must not be your e-mail address."),
    "password_rejected:too_common": _("This password is too easy to guess. Choose another one."),
    "password_rejected:used_before": _("You have used this password before. Choose another one."),
    "password_rejected:pattern": _("The password does not follow the bank's rules."),
    "password_updated": _("Your password has been changed."),
    "profile_invalid:email": _("Enter a complete e-mail address, for example name@example.com."),
    "profile_invalid:phone": _("Enter a mobile number with its country code, for example +355 69 000 0000."),
    "profile_invalid:length": _("This text is too long."),
    "profile_invalid:required": _("This field must not be empty."),
    "profile_invalid:short": _("This text is too short."),
    "profile_invalid:characters": _("There are characters here that cannot be used."),
    "profile_invalid:pattern": _("This is not in the form that the bank expects."),
    "profile_invalid:number": _("Enter a number within the bounds that the bank allows."),
    "profile_invalid:choice": _("Choose one of the values of the list."),
    "profile_invalid:date": _("Enter a date in the form 2026-12-31."),
    "profile_invalid:uri": _("Enter a complete address, for example https://example.com."),
    "profile_invalid:taken": _("There is an account of this name or address already. Choose another one, or log in."),
    "profile_invalid:count": _("There are too many or too few values here."),
    "terms_declined": _("Without accepting the Terms of Work you cannot go on."),
    # What went wrong around a login. The parameter's name stays in English: a text match may look for it.
    "unexpected_error": _("Something went wrong on our side. Please try again."),
    "client_not_found": _("The application that sent you here is not known (client_id)."),
    "client_disabled": _("The application that sent you here is switched off."),
    "invalid_redirect_uri": _("Invalid parameter: redirect_uri"),
    "invalid_request_uri": _("Invalid parameter: request_uri"),
    "invalid_request_object": _("Invalid parameter: request"),
    "invalid_parameter": _("Invalid parameter: %(name)s"),
    "missing_parameter": _("Missing parameter: %(name)s"),
    "invalid_request": _("The application sent a request that we cannot answer."),
    "page_not_found": _("This page does not exist."),
    "realm_not_found": _("This address does not belong to any bank we know."),
    "cookies_missing": _("Cookies are needed to log in. Allow them in your browser, then begin again."),
    "access_denied": _("You are not allowed to enter this application."),
    "overloaded": _("Many people are logging in right now. Try again in a moment."),
    "service_unavailable": _("The service is not available right now. Try again in a few minutes."),
    # What another device asked for.
    "user_code_invalid": _("The code is not valid or has expired. Look at your device again."),
    "too_many_codes": _("Too many codes were entered. Please try again later."),
    "request_over": _("There is nothing to decide here: the request has expired or was already answered."),
    "request_failed": _("The request could not be answered. Nothing was allowed."),
    "request_approved": _("You have allowed it. You may close this page and go on where you began."),
    "request_denied": _("You have not allowed it. You may close this page."),
    # The end.
    "form_post": _("You are being taken back to the application. If nothing happens, press the button."),
    "logged_out": _("You are logged out."),
    "logout_hint_invalid": _(
        "We could not log you out. Close your browser to be safe. Invalid parameter: id_token_hint"
    ),
    "logout_address_invalid": _(
        "We could not log you out. Close your browser to be safe. Invalid parameter: post_logout_redirect_uri"
    ),
    "logout_confirm": _("Do you want to log out?"),
}

HEADINGS: dict[str, Text] = {
    "login": _("Log in to your account"),
    "register_soft_token": _("Register Software Token"),
    "password": _("Enter your password"),
    "reauthenticate": _("Log in again"),
    "logged_out": _("Logged out"),
    "form_post": _("Back to the application"),
    "registered": _("Software Token registered"),
    "account_made": _("Your account is ready"),
    "already_logged_in": _("Already logged in"),
    "reset_password": _("Set a new password"),
    "check_email": _("Look into your mailbox"),
    "update_email": _("Your e-mail address"),
    "link:reset-credentials": _("Set a new password"),
    "link:verify-email": _("Confirm your e-mail address"),
    "link:update-email": _("Confirm your new e-mail address"),
    "notice": _("Notice"),
    "device": _("Connect a device"),
    "request_waiting": _("Your approval is needed"),
    "request_decided": _("Done"),
    "error": _("Something went wrong"),
    "expired": _("This page has expired"),
    "logout": _("Log out"),
}

LINKS: dict[str, Text] = {
    "back_to_application": _("Back to the application"),
    "back_to_login": _("Back to login"),
    "continue": _("Continue"),
    "login": _("Log in"),
}

# The same rules in words, before a person types; keyed as the messages are, without `password_rejected:`.
RULES: dict[str, Text] = {
    "too_short": _n("At least %(min)s character", "At least %(min)s characters", count="min"),
    "too_long": _n("At most %(max)s character", "At most %(max)s characters", count="max"),
    "digits": _n("At least %(n)s digit", "At least %(n)s digits", count="n"),
    "lower": _n("At least %(n)s small letter", "At least %(n)s small letters", count="n"),
    "upper": _n("At least %(n)s capital letter", "At least %(n)s capital letters", count="n"),
    "special": _n("At least %(n)s special character", "At least %(n)s special characters", count="n"),
    "username": _("Without your user name in it"),
    "email": _("Not your e-mail address"),
    "too_common": _("Not a password that is easy to guess"),
    "used_before": _("Not a password that you have used before"),
    "pattern": _("In the form that the bank has told you"),
}

LABELS: dict[str, Text] = {
    "username": _("User name"),
    "firstName": _("First name"),
    "lastName": _("Last name"),
    "name": _("Name"),
    "email": _("E-mail address"),
    "phone": _("Mobile number"),
    "phoneNumber": _("Mobile number"),
    "company": _("Company"),
    "segment": _("Customer segment"),
    "locale": _("Language"),
}

# Ways of proving who one is, by the authenticator's name in a realm file.
METHOD_TITLES: dict[str, Text] = {
    "auth-username-password-form": _("User name and password"),
    "auth-username-form": _("User name"),
    "auth-password-form": _("Password"),
    "sms-otp": _("Code by SMS"),
    "auth-otp-form": _("Software Token"),
    "soft-token-enrolment": _("Register Software Token"),
    "email-otp": _("Code by e-mail"),
    "webauthn-authenticator": _("Security key or passkey"),
    "webauthn-authenticator-passwordless": _("Passkey"),
    "auth-recovery-authn-code-form": _("Recovery code"),
}

# What proves who one is, by Keycloak's type of the credential.
CREDENTIALS: dict[str, Text] = {
    "otp": _("Software Token"),
    "webauthn": _("Security key"),
    "webauthn-passwordless": _("Passkey"),
    "recovery-authn-codes": _("Recovery codes"),
}

METHOD_HELP: dict[str, Text] = {
    "auth-username-password-form": _("Enter the user name and password of your account."),
    "auth-password-form": _("Enter the password of your account."),
    "sms-otp": _("We send a code to your registered mobile number."),
    "auth-otp-form": _("Enter the code that the application on your phone shows."),
    "soft-token-enrolment": _("Activate the application on your phone that makes the codes."),
    "email-otp": _("We send a code to your e-mail address."),
    "webauthn-authenticator": _("Use your fingerprint, your face or a security key."),
    "webauthn-authenticator-passwordless": _("Use your fingerprint, your face or a security key."),
    "auth-recovery-authn-code-form": _("Use one of the codes that you keep for an emergency."),
}

SCOPES: dict[str, Text] = {
    "openid": _("Know who you are"),
    "profile": _("See your name and language"),
    "email": _("See your e-mail address"),
    "phone": _("See your mobile number"),
    "address": _("See your postal address"),
    "roles": _("See what you may do at the bank"),
    "offline_access": _("Stay connected when you are not there"),
}
