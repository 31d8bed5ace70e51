"""What a person is told about their own account, over a channel that the change did not come by (ASVS 6.3.5, 6.3.7).

The realm says how: attribute `hyrja.securityNotices`, any of `email` and `sms`, or `none`; where it says nothing, by
e-mail if it has a mail server of its own. Which events are told stands in one table. Sent beside the request: a
notice that does not arrive undoes nothing, and stands in the log.
"""

from __future__ import annotations

from idp.flows.step import StepEvent, StepServices
from idp.model.realm import Realm
from idp.model.user import User

ATTRIBUTE = "hyrja.securityNotices"
CHANNELS = ("email", "sms")
NONE = "none"
_MOST, _DAY = 20, 86400  # notices a user may be sent in a day: whoever fails on purpose must not fill a mailbox

_TOLD = {
    "UPDATE_PASSWORD": "password-changed",
    "UPDATE_TOTP": "factor-added",
    "UPDATE_CREDENTIAL": "factor-added",
    "REMOVE_CREDENTIAL": "factor-removed",
    "USE_RECOVERY_CODE": "recovery-code-used",
    "USER_DISABLED_BY_TEMPORARY_LOCKOUT": "locked",
    "USER_DISABLED_BY_PERMANENT_LOCKOUT": "locked",
}
"""Event → the letter that tells of it."""
_METHODS = {
    "webauthn": "webauthn-authenticator",
    "webauthn-passwordless": "webauthn-authenticator-passwordless",
    "recovery-authn-codes": "auth-recovery-authn-code-form",
}
"""Kind of credential → the way to log in that it is for."""

# Written within GSM 03.38: one letter outside it doubles the price of the message.
_TEXTS = {
    "password-changed": {
        "sq": "Fjalekalimi juaj u ndryshua. Nese nuk ishit ju, telefononi banken.",
        "en": "Your password was changed. If this was not you, call the bank.",
        "it": "La sua password e stata cambiata. Se non e stato lei, telefoni alla banca.",
    },
    "email-changed": {
        "sq": "Adresa juaj e e-mailit u ndryshua. Nese nuk ishit ju, telefononi banken.",
        "en": "Your e-mail address was changed. If this was not you, call the bank.",
        "it": "Il suo indirizzo e-mail e stato cambiato. Se non e stato lei, telefoni alla banca.",
    },
    "factor-added": {
        "sq": "Llogarise suaj iu shtua nje menyre e re hyrjeje. Nese nuk ishit ju, telefononi banken.",
        "en": "A new way to log in was added to your account. If this was not you, call the bank.",
        "it": "Al suo conto e stato aggiunto un nuovo accesso. Se non e stato lei, telefoni alla banca.",
    },
    "factor-removed": {
        "sq": "Nga llogaria juaj u hoq nje menyre hyrjeje. Nese nuk ishit ju, telefononi banken.",
        "en": "A way to log in was removed from your account. If this was not you, call the bank.",
        "it": "Dal suo conto e stato tolto un accesso. Se non e stato lei, telefoni alla banca.",
    },
    "recovery-code-used": {
        "sq": "Nje kod rikthimi u perdor per te hyre ne llogarine tuaj. Nese nuk ishit ju, telefononi banken.",
        "en": "A recovery code was used to log in to your account. If this was not you, call the bank.",
        "it": "Un codice di recupero e stato usato per il suo conto. Se non e stato lei, telefoni alla banca.",
    },
    "locked": {
        "sq": "Llogaria juaj u bllokua pas shume perpjekjesh. Nese nuk ishit ju, telefononi banken.",
        "en": "Your account was locked after too many attempts. If this was not you, call the bank.",
        "it": "Il suo conto e stato bloccato dopo troppi tentativi. Se non e stato lei, telefoni alla banca.",
    },
    "lock-warning": {
        "sq": "Edhe nje perpjekje e deshtuar e bllokon llogarine tuaj pergjithmone. Telefononi banken.",
        "en": "One more failed attempt locks your account for good. Call the bank.",
        "it": "Un altro tentativo fallito blocca il suo conto definitivamente. Telefoni alla banca.",
    },
}


def channels(realm: Realm) -> tuple[str, ...]:
    """Return the channels of a realm's notices."""
    default = "email" if realm.mail_server is not None else NONE
    written = realm.attributes.get(ATTRIBUTE, default).split()
    return tuple(channel for channel in CHANNELS if channel in written)


def letter_of(realm: Realm, event: StepEvent) -> str | None:
    """Return the letter that tells of an event; a lock after which one failure more is the last has one of its own."""
    letter = _TOLD.get(event.type)
    policy = realm.brute_force
    lockouts = event.detail.get("lockouts", "0")
    temporary = event.type == "USER_DISABLED_BY_TEMPORARY_LOCKOUT"
    if temporary and policy.permanent_lockout and int(lockouts) >= policy.max_temporary_lockouts:
        return "lock-warning"
    return letter


class Notices:
    """Tells the users of one realm."""

    def __init__(self, services: StepServices) -> None:
        self._services = services

    async def of_event(self, realm: Realm, event: StepEvent, user_id: str | None, *, now: int) -> None:
        """Tell of an event, if it is one that people are told of."""
        letter = letter_of(realm, event)
        if letter is None or user_id is None or not channels(realm):
            return
        user = await self._services.users.by_id(user_id)
        if user is not None:
            kind = event.detail.get("credential_type", "")
            await self.tell(realm, user, letter, now=now, method=_METHODS.get(kind, "auth-otp-form"))

    async def tell(self, realm: Realm, user: User, letter: str, *, now: int, method: str = "") -> None:
        """Send one letter over the realm's channels; to the address that `user` has."""
        wanted, locale = channels(realm), _language(realm, user)
        if not wanted or not await self._services.throttle.hit("notice", user.id, limit=_MOST, window=_DAY):
            return
        if "email" in wanted and user.email:
            fields: dict[str, str | int] = {"at": now, "method": method}
            self._services.beside.begin(
                self._services.mail.send(realm, to=user.email, letter=letter, locale=locale, fields=fields)
            )
        if "sms" in wanted and user.phone:
            self._services.beside.begin(self._texted(user.phone, _TEXTS[letter][locale]))

    async def _texted(self, to: str, text: str) -> None:
        await self._services.sms.send(to=to, text=text)


def _language(realm: Realm, user: User) -> str:
    """Return the language of a user: the one they chose, or the realm's."""
    chosen = user.attribute("locale")
    return chosen if chosen in realm.locales else realm.default_locale
