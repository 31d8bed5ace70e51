"""What the settings of keys, passkeys and text messages mean when they change."""

from __future__ import annotations

from collections.abc import Mapping

from idp.assurance.changes.change import Topic
from idp.assurance.changes.meanings import STRONGER, WEAKER, Meaning, number, other, ranked, switch, words

_POLICIES = {"webAuthnPolicy": "security keys", "webAuthnPolicyPasswordless": "passkeys"}
_VERIFICATION: dict[str | None, int] = {"discouraged": 0, "preferred": 1, "": 1, "not specified": 1, "required": 2}
_ATTESTATION: dict[str | None, int] = {
    "none": 0,
    "": 0,
    "not specified": 0,
    "indirect": 1,
    "direct": 2,
    "enterprise": 2,
}
_BUDGETS = {
    "perNumberHour": "to one number in an hour",
    "perBrowserHour": "for one browser in an hour",
    "perNetworkHour": "for one network in an hour",
    "perRangeHour": "to one range of numbers in an hour",
    "perRealmDay": "of the realm in a day",
    "perCountryDay": "to one country in a day",
    "spendingPerDay": "as money in a day",
}


def _of_keys(policy: str, keys: str) -> dict[tuple[str, ...], Meaning]:
    return {
        (f"{policy}UserVerificationRequirement",): ranked(
            Topic.PROTECTION, f"That whoever uses {keys} unlocks them (user verification)", ranks=_VERIFICATION
        ),
        (f"{policy}AttestationConveyancePreference",): ranked(
            Topic.PROTECTION, f"What makers must say of {keys} (attestation)", ranks=_ATTESTATION
        ),
        (f"{policy}AcceptableAaguids",): other(Topic.PROTECTION, f"The models of {keys} that are accepted"),
        (f"{policy}ExtraOrigins",): words(
            Topic.LOGIN,
            added=f"{keys[0].upper()}{keys[1:]} may be used at {{word}}, too",
            removed=f"{keys[0].upper()}{keys[1:]} are no longer used at {{word}}",
            added_is=WEAKER,
        ),
        (f"{policy}AvoidSameAuthenticatorRegister",): switch(
            Topic.PROTECTION,
            on=f"One device cannot be registered twice among {keys}",
            off=f"One device may be registered twice among {keys}",
            on_is=STRONGER,
        ),
        (f"{policy}RpId",): other(Topic.LOGIN, f"The site that {keys} are for: those of another one stop working"),
    }


DEVICE_MEANINGS: Mapping[tuple[str, ...], Meaning] = {
    **{place: meaning for policy, keys in _POLICIES.items() for place, meaning in _of_keys(policy, keys).items()},
    ("webAuthnPolicyPasswordlessPasskeysEnabled",): switch(
        Topic.LOGIN,
        on="Passkeys are offered where a name is typed",
        off="Passkeys are no longer offered where a name is typed",
        on_is=STRONGER,
    ),
    **{
        ("attributes", f"hyrja.sms.{key}"): number(
            Topic.PROTECTION, f"Budget of text messages {text}", less_is=STRONGER
        )
        for key, text in _BUDGETS.items()
    },
}
"""Place → what a change there means."""
