"""One of every page, with representative fields, and as much of a browser as the tests of pages need."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

from idp.web import qr
from idp.web.locales import Locales
from idp.web.pages import Pages, RealmView, Wording

CATALOGUES = Locales.load()
PAGES = Pages(locales=CATALOGUES)
LOCALES = ("sq", "en", "it")
REALM = RealmView(title="Banka e Bizneseve", texts={"supportText": "Ndihmë: 04 000", "tokenApplication": "withKEY"})
OTPAUTH = "otpauth://totp/Banka:ana?secret=JBSWY3DPEHPK3PXP&issuer=Banka"
OPTIONS = '{"challenge":"AAAA","user":{"id":"AAAA"}}'
EVERYWHERE: dict[str, Any] = {
    "action": "/realms/banka/login-actions/authenticate?execution=1&tab_id=2",
    "hidden": {"session_code": "s"},
    "languages": [{"locale": name, "href": f"?kc_locale={name}&tab_id=2"} for name in LOCALES],
    "can_restart": True,
    "can_try_another_way": True,
    "can_decline": True,
    "message": {"key": "invalid_code", "params": {}, "kind": "error"},
}
DETAILS = [{"type": "payment", "lines": [{"name": "amount", "text": "12.50 ALL"}, {"name": "to", "text": "Drita"}]}]
CLIENT = {"name": "Internet Banking", "policy_uri": "https://rp.example/policy", "tos_uri": "https://rp.example/terms"}
_FIELD = {"editable": True, "required": False, "options": (), "multivalued": False, "error": None}
PROFILE = [
    {**_FIELD, "name": "username", "label_key": "username", "value": "ana", "editable": False},
    {**_FIELD, "name": "email", "label_key": "email", "value": "ana@", "error": "profile_invalid:email"},
    {**_FIELD, "name": "city", "label_key": "Qyteti", "value": "Durrës", "options": ("Tiranë", "Durrës")},
    {**_FIELD, "name": "notes", "label_key": "Shënime", "value": "a\nb", "multivalued": True, "required": True},
]
RULES = [{"key": "password_rejected:too_short", "params": {"min": "12"}}, {"key": "username"}]
LINKS = {"register_soft_token": "/reg", "register": "/new", "reset_credentials": "/reset"}
SAMPLES: dict[str, tuple[str, dict[str, Any]]] = {
    "login": (
        "login.html",
        {
            "links": {"register_soft_token": "/reg", "register": "/new", "reset_credentials": "/reset"},
            "can_cancel": True,
            "client": CLIENT,
        },
    ),
    "login, user fixed": ("login.html", {"username": "ana", "username_fixed": True, "heading": "reauthenticate"}),
    "login, user name only": ("login.html", {"asks": "username"}),
    "login, password only": ("login.html", {"asks": "password", "username": "ana"}),
    "login, with passkeys": ("login.html", {"request": OPTIONS, "mediation": "conditional"}),
    "security key": (
        "webauthn-authenticate.html",
        {
            "request": OPTIONS,
            "keys": [{"label": "Çelësi blu", "created_at": 1_760_000_000}, {"label": "", "created_at": 0}],
        },
    ),
    "passkey": ("webauthn-authenticate.html", {"request": OPTIONS}),
    "new security key": ("webauthn-register.html", {"creation": OPTIONS, "passwordless": False}),
    "new passkey": ("webauthn-register.html", {"creation": OPTIONS, "passwordless": True}),
    "delete credential": (
        "delete-credential.html",
        {
            "credentials": [
                {"id": "a", "kind": "otp", "label": "Celulari", "created_at": 1_760_000_000},
                {"id": "b", "kind": "webauthn", "label": "", "created_at": 0},
            ]
        },
    ),
    "recovery code": ("recovery-code.html", {"number": 3}),
    "recovery codes": ("recovery-codes.html", {"codes": ["ABCD-EFGH-JKLM-NPQR"] * 12, "few": True}),
    "recovery codes, seen": ("recovery-codes.html", {"pending": True}),
    "recovery codes, gone": ("recovery-codes.html", {}),
    "registration": ("login.html", {"submit": "send"}),
    "how to register": ("soft-token-info.html", {}),
    "sms": ("sms-otp.html", {"masked_phone": "+355 •• ••• •42", "resend_after": 30}),
    "sms, resend now": ("sms-otp.html", {"masked_phone": "+355 •• ••• •42"}),
    "sms, unsent": ("sms-otp.html", {"masked_phone": "+355 •• ••• •42", "sent": False}),
    "email code": ("email-otp.html", {"masked_address": "a•••@e•••.al", "resend_after": 30}),
    "email code, unsent": ("email-otp.html", {"masked_address": "a•••@e•••.al", "sent": False}),
    "link sent": ("email-sent.html", {"address": "a•••@e•••.al", "resend_after": 60}),
    "link sent, or not": ("email-sent.html", {}),
    "link unsent": ("email-sent.html", {"address": "a•••@e•••.al", "sent": False}),
    "new address": ("update-email.html", {"email": "ana@example.al"}),
    "link followed": ("action-link.html", {"heading": "link:reset-credentials"}),
    "reset": ("login.html", {"asks": "username", "submit": "next"}),
    "otp": ("otp.html", {"credentials": [{"id": "a", "label": "Celulari"}]}),
    "otp, several": ("otp.html", {"credentials": [{"id": "a", "label": "Celulari"}, {"id": "b", "label": "Tableti"}]}),
    "enrol": ("soft-token-enrol.html", {"otpauth": OTPAUTH, "secret": "JBSWY3DPEHPK3PXP", "app_url": "/app/"}),
    "enrol, drawn": ("soft-token-enrol.html", {"qr_svg": qr.drawn(OTPAUTH, title="QR"), "secret": "JBSWY3DPEHPK3PXP"}),
    "enrol, seen": ("soft-token-enrol.html", {"pending": True}),
    "enrol, gone": ("soft-token-enrol.html", {}),
    "password": ("update-password.html", {"username": "ana", "rules": RULES}),
    "terms": ("terms.html", {"paragraphs": ["Kushti i parë.", "Kushti i dytë."], "version": "2026-11"}),
    "profile": ("profile.html", {"fields": PROFILE, "purpose": "verify_profile"}),
    "profile, to be confirmed": ("profile.html", {"fields": PROFILE[:1], "purpose": "verify_profile"}),
    "profile, to be changed": ("profile.html", {"fields": PROFILE, "purpose": "update_profile"}),
    "an account of one's own": (
        "registration.html",
        {"fields": PROFILE[1:], "asks_password": True, "rules": RULES, "terms": ("Kushti i parë.",)},
    ),
    "an account without a password": (
        "registration.html",
        {"fields": PROFILE[1:], "asks_password": False, "rules": (), "terms": ()},
    ),
    "an account to be linked": ("link-account.html", {"provider": "Banka tjetër"}),
    "login, elsewhere too": ("login.html", {"providers": [{"alias": "other", "name": "Banka tjetër", "href": "/b"}]}),
    "language": ("locale.html", {"locales": ("sq", "en"), "chosen": "sq"}),
    "end of an account": ("delete-account.html", {"username": "ana"}),
    "a device to be remembered": ("trust-device.html", {"days": 30}),
    "ways": ("select-method.html", {"ways": [{"id": "1", "kind": "sms-otp"}, {"id": "2", "kind": "mine"}]}),
    "consent": (
        "consent.html",
        {"client_title": "Banka", "scopes": ["openid", {"name": "pay"}], "details": DETAILS, "client": CLIENT},
    ),
    "form post": ("form-post.html", {}),
    "consent for a device": (
        "consent.html",
        {"client_title": "Banka", "scopes": ["openid"], "approves": {"kind": "device", "compare": "WDJB-MJHT"}},
    ),
    "consent to a request": (
        "consent.html",
        {"client_title": "Banka", "scopes": ["openid"], "approves": {"kind": "backchannel", "compare": "<b>Pay</b> 7"}},
    ),
    "device": ("device-code.html", {"user_code": "WDJB-MJHT"}),
    "request": ("request-waiting.html", {}),
    "logout": ("logout-confirm.html", {}),
    "notice": ("info.html", {"heading": "logged_out", "link": {"href": "/", "text_key": "back_to_login"}}),
    "logged out": (
        "logged-out.html",
        {
            "heading": "logged_out",
            "link": {"href": "https://rp.example/bye?a=b&c=d", "text_key": "back_to_application"},
            "frames": [""],  # an application, of which a test has none
        },
    ),
    "error": (
        "error.html",
        {"reference": "7F3K", "detail": "x", "links": {"restart": "/r", "back_to_application": "/a"}},
    ),
    "outbox": ("dev-outbox.html", {"messages": [{"to": "+355", "at": 1.0, "text": "Kodi: 1", "subject": "Kodi"}]}),
}


class Element:
    """One start tag, and the text that stands in it."""

    def __init__(self, tag: str, attributes: dict[str, str]) -> None:
        self.tag = tag
        self.attributes = attributes
        self.text = ""

    @property
    def signatures(self) -> set[str]:
        id_, name = self.attributes.get("id"), self.attributes.get("name")
        by_id = f"{self.tag}#{id_}" if id_ else self.tag
        return {by_id, f"{by_id}[{name}]", f"{self.tag}[{name}]"}


class Document(HTMLParser):
    """As much of a browser as these tests need."""

    VOID = frozenset({"input", "meta", "link", "img"})

    def __init__(self, body: bytes) -> None:
        super().__init__()
        self.elements: list[Element] = []
        self._open: list[Element] = []
        self.feed(body.decode())
        self.close()
        assert not self._open, f"never closed: {self._open[-1].tag}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"an attribute twice: {tag} {names}"
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.elements.append(element)
        if tag not in self.VOID:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(Element(tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop().tag == tag

    def handle_data(self, data: str) -> None:
        for element in self._open:
            element.text += data

    def all(self, *tags: str) -> list[Element]:
        return [element for element in self.elements if element.tag in tags]

    def by_id(self, id_: str) -> Element:
        (found,) = [element for element in self.elements if element.attributes.get("id") == id_]
        return found

    def text(self, id_: str) -> str:
        return " ".join(self.by_id(id_).text.split())


def shown(sample: str, *, locale: str = "sq", realm: RealmView = REALM, **fields: object) -> Document:
    return Document(rendered(sample, locale=locale, realm=realm, **fields))


def rendered(sample: str, *, locale: str = "sq", realm: RealmView = REALM, **fields: object) -> bytes:
    template, own = SAMPLES[sample]
    return PAGES.render(template, locale=locale, realm=realm, **{**EVERYWHERE, **own, **fields})


def words(locale: str = "en", **texts: str) -> Wording:
    realm = RealmView(title="Banka", texts=texts)
    return Wording(locale=locale, translations=CATALOGUES.translations(locale), realm=realm)
