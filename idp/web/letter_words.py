"""The words of every letter (e-mail), by its name; English is the msgid, parameters are written `%(name)s`.

A letter names its realm, never a user's name or balance: mailboxes are read by others (ASVS 6.5, and the phishing that
copies what customers are used to). Only letters that the person asked for have a button.
"""

from __future__ import annotations

from idp.model.struct import Frozen


class Words(Frozen, frozen=True, kw_only=True):
    """What a letter says. `button` is what its link does; `code` tells that it shows a code."""

    subject: str
    paragraphs: tuple[str, ...]
    button: str = ""
    code: bool = False


def _(msgid: str) -> str:
    """Mark `msgid` for extraction; it is translated when a letter is written."""
    return msgid


_NOT_YOU = _("If this was not you, call the bank at once. Do not answer this message.")
_NOT_ASKED = _("If you did not ask for this, you need not do anything: nothing changes without you.")
_LINK_LIFE = _("The link works once, for %(minutes)s minutes.")

LETTERS: dict[str, Words] = {
    "email-otp": Words(
        subject=_("Your verification code"),
        paragraphs=(
            _("Enter this code on the page where you are logging in. Never tell it to anybody."),
            _("The bank never asks for this code by phone or message."),
        ),
        code=True,
    ),
    "verify-email": Words(
        subject=_("Confirm your e-mail address"),
        paragraphs=(_("Confirm that this address is yours."), _LINK_LIFE, _NOT_ASKED),
        button=_("Confirm the address"),
    ),
    "update-email": Words(
        subject=_("Confirm your new e-mail address"),
        paragraphs=(_("Confirm that messages of the bank are to come to this address."), _LINK_LIFE, _NOT_ASKED),
        button=_("Confirm the address"),
    ),
    "reset-credentials": Words(
        subject=_("Set a new password"),
        paragraphs=(_("You asked to set a new password."), _LINK_LIFE, _NOT_ASKED),
        button=_("Go on"),
    ),
    "execute-actions": Words(
        subject=_("Your account needs you"),
        paragraphs=(
            _("The bank asks you to bring your account up to date. Log in, and you will be asked for what is missing."),
            _("You can also open the bank's site as you always do: this message only reminds you."),
        ),
        button=_("Log in"),
    ),
    "password-changed": Words(
        subject=_("Your password was changed"),
        paragraphs=(_("The password of your account was changed on %(at)s (UTC)."), _NOT_YOU),
    ),
    "email-changed": Words(
        subject=_("Your e-mail address was changed"),
        paragraphs=(
            _("The e-mail address of your account was changed on %(at)s (UTC). Messages no longer come here."),
            _NOT_YOU,
        ),
    ),
    "factor-added": Words(
        subject=_("A new way to log in was added"),
        paragraphs=(_("A new way to log in was added to your account on %(at)s (UTC): %(method)s."), _NOT_YOU),
    ),
    "factor-removed": Words(
        subject=_("A way to log in was removed"),
        paragraphs=(_("A way to log in was removed from your account on %(at)s (UTC): %(method)s."), _NOT_YOU),
    ),
    "recovery-code-used": Words(
        subject=_("A recovery code was used"),
        paragraphs=(_("One of your recovery codes was used to log in to your account on %(at)s."), _NOT_YOU),
    ),
    "lock-warning": Words(
        subject=_("Your account is about to be locked"),
        paragraphs=(
            _("Somebody failed to log in to your account again on %(at)s (UTC). One more failure locks it for good."),
            _NOT_YOU,
        ),
    ),
    "locked": Words(
        subject=_("Your account was locked"),
        paragraphs=(_("Your account was locked on %(at)s (UTC) after too many failed attempts to log in."), _NOT_YOU),
    ),
}
