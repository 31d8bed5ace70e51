"""What pictures and explanations of flows say: names of steps, conditions as questions, and the phrases around them.

English is the msgid, as in `idp.web.messages`; the names of the ways that a person can choose stand there.
"""

from __future__ import annotations

from babel.support import NullTranslations

from idp.flows.step import Factor
from idp.flows.tree import Execution, Subflow, leaves
from idp.model.flow import Requirement
from idp.web import messages
from idp.web.locales import Locales


def _(msgid: str) -> str:
    """Mark `msgid` for extraction."""
    return msgid


STEPS: dict[str, str] = {
    "auth-cookie": _("Already logged in"),
    "identity-provider-redirector": _("Log in at another provider"),
    "auth-spnego": _("Log in by the computer (Kerberos)"),
    "organization": _("The person's organisation"),
    "soft-token-gate": _("Is there a Software Token?"),
    "allow-access-authenticator": _("Let in"),
    "deny-access-authenticator": _("Refused"),
    "user-session-limits": _("Limit of sessions"),
    "trusted-device": _("Is this device remembered?"),
    "trust-device": _("Remember this device"),
    "reset-credentials-choose-user": _("Whose password is it?"),
    "reset-credential-email": _("Link by e-mail"),
    "reset-password": _("Choose a new password"),
    "reset-otp": _("Nothing: the Software Token stays"),
    "reset-credential-sms": _("Code by SMS"),
    "direct-grant-validate-username": _("User name"),
    "direct-grant-validate-password": _("Password"),
    "direct-grant-validate-otp": _("Code of the Software Token"),
    "UPDATE_PASSWORD": _("Choose a new password"),
    "UPDATE_PROFILE": _("Complete the profile"),
    "VERIFY_PROFILE": _("Confirm the profile"),
    "VERIFY_EMAIL": _("Confirm the e-mail address"),
    "UPDATE_EMAIL": _("Change the e-mail address"),
    "TERMS_AND_CONDITIONS": _("Accept the Terms of Work"),
    "CONFIGURE_TOTP": _("Register Software Token"),
    "CONFIGURE_RECOVERY_AUTHN_CODES": _("Keep recovery codes"),
    "registration-page-form": _("Form of the registration"),
    "idp-review-profile": _("Complete one's data"),
    "idp-create-user-if-unique": _("Make an account"),
    "idp-confirm-link": _("Link to an account that exists"),
    "idp-username-password-form": _("User name and password"),
    "webauthn-authenticator-passwordless": _("Passkey"),
    "webauthn-register": _("Register a security key"),
    "webauthn-register-passwordless": _("Register a passkey"),
    "delete_credential": _("Remove a credential"),
    "delete_account": _("Delete the account"),
    "update_user_locale": _("Choose a language"),
}

# What was proven, and what a person needs for it.
FACTORS: dict[str, str] = {
    "password": _("password"),
    "otp": _("Software Token"),
    "sms-otp": _("code by SMS"),
    "email": _("mailbox"),
    "webauthn": _("security key"),
    "webauthn-passwordless": _("passkey"),
    "recovery-authn-codes": _("recovery code"),
    "user-verification": _("unlocking (PIN, finger or face)"),
    "federated": _("login at another provider"),
}
CREDENTIALS: dict[str, str] = {
    "sms-otp": _("mobile number"),
    "email": _("e-mail address"),
    "recovery-authn-codes": _("recovery codes"),
}

CHANNELS: dict[str, str] = {
    "browser": _("the browser"),
    "soft-token": _("the Software Token"),
    "sms": _("SMS"),
    "email": _("e-mail"),
    "authenticator": _("the key"),
    "unlocking": _("the key's lock"),
    "paper": _("paper"),
    "upstream": _("the other provider"),
}

CATEGORIES: dict[str, str] = {
    "knowledge": _("knowledge"),
    "possession": _("possession"),
    "inherence": _("inherence"),
}

PHRASES: dict[str, str] = {
    "start": _("A person opens the login"),
    "kind:browser": _("login in the browser"),
    "kind:soft-token-registration": _("registration of a Software Token"),
    "kind:registration": _("registration"),
    "kind:reset-credentials": _("forgotten password"),
    "kind:direct-grant": _("login without a browser"),
    "kind:client-authentication": _("authentication of clients"),
    "kind:first-broker-login": _("first login by another provider"),
    "kind:post-broker-login": _("after a login by another provider"),
    "unbound": _("bound nowhere: nobody meets it"),
    "for_realm": _("for every application"),
    "for_client": _("for the application %(client)s"),
    "one_of": _("One of these, the first that is possible; the person may choose another"),
    "and": _("and"),
    "yes": _("yes"),
    "no": _("no"),
    "identifies": _("says who the person is"),
    "sends": _("a message is sent"),
    "no_page": _("no page: what a session has proven already is not asked again"),
    "proves": _("proves: %(factor)s"),
    "or_proves": _("or: %(factor)s"),
    "factor": _("%(name)s (%(category)s, over %(channel)s)"),
    "gives": _("gives: %(credential)s"),
    "without:stops": _("no %(credential)s: the login stops here"),
    "without:set_up": _("no %(credential)s: set up at the end of the login (%(action)s); it does not count yet"),
    "without:refused": _("no %(credential)s: refused"),
    "without:not_offered": _("no %(credential)s: not offered"),
    "of_session": _("what is missing is asked, step by step"),
    "level_of_session": _("What the session has proven counts"),
    "nothing_proven": _("nothing proven"),
    "refused": _("Refused"),
    "back_to_login": _("Done; back to the login"),
    "level": _("Level %(level)s"),
    "level_acr": _("Level %(level)s · acr %(acr)s"),
    "more": _("and %(count)s more ways"),
    "end": _("End"),
    "goes_on": _("Nothing is asked; it goes on."),
    "after": _("Before the application learns of it, what is still due, in this order"),
    "action_everybody": _("%(action)s (%(alias)s): asked of everybody, once"),
    "action_due": _("%(action)s (%(alias)s): asked of those for whom it is due"),
    "consent": _("Consent, if the application asks for it"),
    "off": _("Switched off: %(steps)s"),
    "sign:proves": _("proves a factor"),
    "sign:gives": _("gives a credential"),
    "sign:missing": _("what happens without the credential"),
    "shape:required": _("square frame: everybody meets it"),
    "shape:alternative": _("round, broken frame: one of several"),
    "shape:question": _("diamond: the realm decides"),
    "if:configured": _("Has the person set it up: %(steps)s?"),
    "if:role": _("Has the person the role %(role)s?"),
    "unless:role": _("Is the person without the role %(role)s?"),
    "if:attribute": _("Is the attribute %(name)s “%(value)s”?"),
    "unless:attribute": _("Is the attribute %(name)s anything but “%(value)s”?"),
    "if:executed": _("Has “%(flow)s” been gone through?"),
    "unless:executed": _("Has “%(flow)s” not been gone through?"),
    "if:scope": _("Does the application ask for the scope %(scope)s?"),
    "unless:scope": _("Does the application not ask for the scope %(scope)s?"),
    "if:credential": _("Was it used in this login: %(credentials)s?"),
    "unless:credential": _("Was it not used in this login: %(credentials)s?"),
    "if:level": _("Is level %(level)s asked for, and not proven lately?"),
    "if:network": _("Does the person come from %(ranges)s?"),
    "unless:network": _("Does the person come from elsewhere than %(ranges)s?"),
    "or": _("or"),
    "proved": _("Proved: every way to every acr of this realm takes what the acr promises."),
    "weak_elsewhere": _("Nothing was found against this flow; something was found against the realm."),
    "unsound": _("UNSOUND: this way passes without the evidence that carries it"),
    "takes": _("acr %(acr)s (level %(level)s) takes: %(things)s"),
    "takes_weak": _("WEAK: acr %(acr)s (level %(level)s) takes only: %(things)s"),
    "takes_acknowledged": _("ACKNOWLEDGED: acr %(acr)s (level %(level)s) takes only: %(things)s"),
    "this_picture": _("numbered in this picture"),
    "delivery": _("The first password is sent there: %(by)s"),
    "ceremony": _("“%(flow)s”: %(steps)s; gives: %(gives)s"),
}


class FlowWords:
    """The words of one language; what no catalogue knows is called by its own name."""

    def __init__(self, locale: str) -> None:
        """Raises KeyError where there is no catalogue of that language."""
        self._translations: NullTranslations = Locales.load().translations(locale)

    def say(self, key: str, **values: str) -> str:
        """Say one of the phrases."""
        text = PHRASES.get(key)
        if text is None:
            return key.rpartition(":")[2]
        translated: str = self._translations.gettext(text)
        return translated % values

    def step(self, authenticator: str) -> str:
        """Name a step or a required action as a person knows it."""
        text = STEPS.get(authenticator) or messages.METHOD_TITLES.get(authenticator)
        return self._translations.gettext(text) if isinstance(text, str) else authenticator

    def credential(self, name: str) -> str:
        """Name what a person needs to prove a factor."""
        text = CREDENTIALS.get(name) or FACTORS.get(name)
        return self._translations.gettext(text) if text is not None else name

    def evidence(self, name: str) -> str:
        """Name what was proven."""
        text = FACTORS.get(name)
        return self._translations.gettext(text) if text is not None else name

    def factor(self, factor: Factor) -> str:
        """Name a factor with its category and its channel."""
        category = self._translations.gettext(CATEGORIES[factor.category.value])
        known = CHANNELS.get(factor.channel)
        channel = self._translations.gettext(known) if known is not None else factor.channel
        return self.say("factor", name=self.evidence(factor.name), category=category, channel=channel)

    def condition(self, condition: Execution, guarded: Subflow) -> str:
        """Ask a condition as a question, by Keycloak's own keys of its configuration."""
        config = condition.config
        match condition.authenticator:
            case "conditional-user-configured":
                return self.say("if:configured", steps=self._asked(guarded))
            case "conditional-user-role":
                return self.say(_way(config, "negate", "role"), role=config.get("condUserRole", ""))
            case "conditional-user-attribute":
                name, value = config.get("attribute_name", ""), config.get("attribute_expected_value", "")
                return self.say(_way(config, "not", "attribute"), name=name, value=value)
            case "conditional-sub-flow-executed":
                key = "unless:executed" if config.get("check_result") == "not-executed" else "if:executed"
                return self.say(key, flow=config.get("flow_to_check", ""))
            case "conditional-client-scope":
                return self.say(_way(config, "negate", "scope"), scope=config.get("client_scope", ""))
            case "conditional-credential":
                key = "unless:credential" if config.get("included") == "false" else "if:credential"
                return self.say(key, credentials=config.get("credentials", "").replace("##", ", "))
            case "conditional-level-of-authentication":
                return self.say("if:level", level=config.get("loa-condition-level", ""))
            case "conditional-client-ip-address":
                return self.say(
                    _way(config, "exclude", "network"), ranges=config.get("ip-ranges", "").replace("##", ", ")
                )
            case other:
                said = ", ".join(f"{key}: {value}" for key, value in sorted(config.items()))
                return f"{other} ({said})?" if said else f"{other}?"

    def _asked(self, guarded: Subflow) -> str:
        """Name the steps that a sub-flow asks for: all of its required ones, or any of its alternatives."""
        steps = [step for step in leaves(guarded) if step.requirement is not Requirement.DISABLED]
        joint = "or" if any(step.requirement is Requirement.ALTERNATIVE for step in steps) else "and"
        names = dict.fromkeys(self.step(step.authenticator) for step in steps)
        return f" {self.say(joint)} ".join(names)


def _way(config: dict[str, str], negation: str, what: str) -> str:
    return f"unless:{what}" if config.get(negation) == "true" else f"if:{what}"
