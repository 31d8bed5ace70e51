"""The pages a person sees: Jinja2 templates, one compiled environment a locale, and the static files beside them.

`Pages.render` turns a template's name and its fields into bytes; it knows nothing of requests. Each page's fields are
written at the top of its template; a field that is needed and not given raises `jinja2.UndefinedError` (a bug), and
`OPTIONAL` holds what the others are when they are left out. Pages work without JavaScript, and hold no inline script
or style, so that the strictest Content-Security-Policy fits them.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import CodeType, MappingProxyType
from urllib.parse import quote
from zoneinfo import ZoneInfo

from babel.dates import format_datetime
from babel.support import NullTranslations
from jinja2 import BytecodeCache, DictLoader, Environment, StrictUndefined, Template
from jinja2.bccache import Bucket
from markupsafe import Markup

from idp.model.realm import Realm
from idp.model.struct import Frozen
from idp.web import messages, qr
from idp.web.locales import SOURCE_LOCALE, Locales
from idp.web.messages import Plural, Text
from idp.web.skeletons import OFTEN, Skeletons

_ROOM = Path(__file__).parent.parent
TEMPLATES = _ROOM / "templates"
STATIC = _ROOM / "static"

CONTENT_TYPES = MappingProxyType(
    {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
)

# What a page's field is when its caller does not give it.
OPTIONAL: Mapping[str, object] = MappingProxyType(
    {
        "action": "",
        "address": "",
        "app_url": "",
        "approves": None,
        "asks": "username+password",
        "can_cancel": False,
        "can_restart": False,
        "can_try_another_way": False,
        "can_decline": False,
        "client": None,
        "codes": (),
        "credential_id": "",
        "credentials": (),
        "detail": "",
        "few": False,
        "frames": (),
        "heading": "",
        "hidden": MappingProxyType({}),
        "languages": (),
        "link": None,
        "links": MappingProxyType({}),
        "keys": (),
        "masked_address": "",
        "masked_phone": "",
        "mediation": "",
        "onward": "",
        "message": None,
        "otpauth": None,
        "paragraphs": (),
        "pending": False,
        "providers": (),
        "qr_svg": None,
        "reference": "",
        "request": "",
        "resend_after": 0,
        "rules": (),
        "secret": "",
        "sent": True,
        "submit": "login",
        "user_code": "",
        "user_label": "",
        "username": "",
        "username_fixed": False,
        "version": "",
        "days": 0,
    }
)

_DRAWING = re.compile(r"</?(?:svg|g|rect|path|title|desc)(?=[\s/>])[^<>]*>")
_ACTIVE_ATTRIBUTE = re.compile(r"""[\s"'/](?:on\w+|style|href|xlink:href)\s*=""", re.IGNORECASE)


class RealmView(Frozen, frozen=True, kw_only=True, eq=False):
    """What a page shows of a realm: its title and its own words in the page's locale. It is itself and equals no other.

    `texts` may replace any message by its key (`{name}` stands for a parameter), any heading, rule, label, method or
    scope by `heading:login`, `rule:too_short`, `label:email`, `method:sms-otp`, `credential:otp`, `scope:payments`, and
    fill `loginNote`, `supportText`, `termsTitle`, `termsText` and `tokenApplication`. `timezone` is an IANA name.
    """

    title: str
    texts: Mapping[str, str] = {}
    timezone: str = "UTC"

    @classmethod
    def of(cls, realm: Realm, locale: str) -> RealmView:
        """Return what is shown of a realm in a locale; what it lacks there is said in its default language."""
        texts = {**realm.texts.get(realm.default_locale, {}), **realm.texts.get(locale, {})}
        return cls(title=realm.title, texts=texts)


class Wording:
    """How one realm says things in one locale; texts chosen by key, translated, with their parameters."""

    def __init__(self, *, locale: str, translations: NullTranslations, realm: RealmView) -> None:
        self._locale = locale
        self._translations = translations
        self._realm = realm

    def say(self, message: object) -> str:
        """Say a message: `{key, params}` as a mapping or an object, or a bare key. KeyError if nobody knows it."""
        key, params = _keyed(message)
        return self._own(key, params) or self._translated(messages.MESSAGES[key], params)

    def heading(self, key: str) -> str:
        """Say a page's heading."""
        return self._own(f"heading:{key}") or self._translated(messages.HEADINGS[key])

    def link(self, key: str) -> str:
        """Say what a link does."""
        return self._own(f"link:{key}") or self._translated(messages.LINKS[key])

    def rule(self, rule: object) -> str:
        """Say a rule of the password policy, before anybody has broken it."""
        key, params = _keyed(rule)
        key = key.removeprefix("password_rejected:")
        return self._own(f"rule:{key}", params) or self._translated(messages.RULES[key], params)

    def label(self, key: str) -> str:
        """Name a user's attribute; one that only the realm knows is called by its key."""
        return self._own(f"label:{key}") or self._translated(messages.LABELS.get(key, key))

    def credential(self, kind: str) -> str:
        """Name what a person holds, by its type."""
        return self._own(f"credential:{kind}") or self._translated(messages.CREDENTIALS.get(kind, kind))

    def method(self, kind: str) -> str:
        """Name a way of proving who one is."""
        return self._own(f"method:{kind}") or self._translated(messages.METHOD_TITLES.get(kind, kind))

    def method_help(self, kind: str) -> str:
        """Explain a way of proving who one is; empty if there is nothing to explain."""
        own = self._own(f"methodHelp:{kind}")
        text = messages.METHOD_HELP.get(kind)
        return own or (self._translated(text) if text else "")

    def scope(self, name: str) -> str:
        """Explain what an application may do; a scope that only the realm knows is called by its name."""
        return self._own(f"scope:{name}") or self._translated(messages.SCOPES.get(name, name))

    def letter(self, key: str, text: str, params: Mapping[str, str]) -> str:
        """Say a part of a letter: the realm's own words `letter:<key>`, or `text` translated."""
        return self._own(f"letter:{key}", params) or self._translated(text, params)

    def filled(self, text: str, params: Mapping[str, object]) -> str:
        """Fill a realm's text by plain replacement: an administrator's stray `%` or `{` must not break a login."""
        for name, value in params.items():
            text = text.replace("{" + name + "}", str(value))
        return text

    def own(self, key: str) -> str:
        """Return the realm's own text, or nothing."""
        return self._realm.texts.get(key, "")

    def paragraphs(self, key: str) -> list[str]:
        """Return the realm's own text, cut at its empty lines."""
        return [part.strip() for part in re.split(r"\n\s*\n", self.own(key)) if part.strip()]

    def moment(self, at: object) -> str:
        """Say a point in time (epoch seconds) as the locale writes it; a text is left as it is."""
        if not isinstance(at, int | float):
            return str(at)
        zone = ZoneInfo(self._realm.timezone)
        return format_datetime(datetime.fromtimestamp(at, tz=UTC), "medium", tzinfo=zone, locale=self._locale)

    def _own(self, key: str, params: Mapping[str, object] = MappingProxyType({})) -> str:
        return self.filled(self._realm.texts.get(key, ""), params)

    def _translated(self, text: Text, params: Mapping[str, object] = MappingProxyType({})) -> str:
        if isinstance(text, Plural):
            chosen = self._translations.ngettext(text.one, text.many, _number(params[text.count]))
        else:
            chosen = self._translations.gettext(text)
        return chosen % params if params else chosen


class Pages:
    """All pages in all locales, compiled at start."""

    def __init__(self, *, locales: Locales, base_path: str = "") -> None:
        """`base_path` is the path the provider is published under, without a slash at its end."""
        files = _read_static()
        digest = _digest(files)
        self._locales = locales
        self._static = {
            f"{base_path}/static/{digest}/{name}": (body, CONTENT_TYPES[Path(name).suffix])
            for name, body in files.items()
        }
        self._address = {path.rsplit("/", 1)[1]: path for path in self._static}
        self._templates = _compile(locales, shared={"static": self._address, "language_names": locales.names})
        self._skeletons = Skeletons()

    @property
    def css_path(self) -> str:
        """The style sheet's path; it names the content, so that it may be cached for ever."""
        return self._address["hyrja.css"]

    @property
    def names(self) -> tuple[str, ...]:
        """Every page there is."""
        return tuple(self._templates[SOURCE_LOCALE])

    def static_files(self) -> dict[str, tuple[bytes, str]]:
        """Return each static file's path, bytes and content type; all of them may be cached for ever."""
        return dict(self._static)

    def render(self, template: str, *, locale: str, realm: RealmView, **fields: object) -> bytes:
        """Render one page. A locale without a catalogue reads English; an unknown template is a KeyError."""
        spoken = locale if locale in self._templates else SOURCE_LOCALE

        def rendered(given: Mapping[str, object]) -> str:
            words = Wording(locale=spoken, translations=self._locales.translations(spoken), realm=realm)
            page = self._templates[spoken][template]
            return page.render({**OPTIONAL, **given, "locale": spoken, "realm": realm, "words": words})

        if template in OFTEN:
            return self._skeletons.filled(rendered, (template, spoken, realm), fields)
        return rendered(fields).encode()


def _compile(locales: Locales, *, shared: Mapping[str, object]) -> dict[str, dict[str, Template]]:
    """Compile each page once a locale. Names that begin with `_`, and the layout, are parts and no pages."""
    sources = {path.name: path.read_text(encoding="utf-8") for path in sorted(TEMPLATES.glob("*.html"))}
    pages = [name for name in sources if not name.startswith("_") and name != "layout.html"]
    codes = _CompiledOnce()
    environments = {
        name: _environment(locales.translations(name), sources=sources, shared=shared, codes=codes)
        for name in locales.available
    }
    return {
        locale: {page: environment.get_template(page) for page in pages} for locale, environment in environments.items()
    }


class _CompiledOnce(BytecodeCache):
    """Lets all locales share each template's code; a base class is Jinja2's only way in."""

    def __init__(self) -> None:
        self._codes: dict[str, CodeType] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Hand out the code that another locale's environment has compiled."""
        bucket.code = self._codes.get(bucket.key)

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep the code for the next locale's environment."""
        if bucket.code is not None:
            self._codes[bucket.key] = bucket.code


def _environment(
    translations: NullTranslations, *, sources: Mapping[str, str], shared: Mapping[str, object], codes: BytecodeCache
) -> Environment:
    environment = Environment(
        loader=DictLoader(sources),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        cache_size=-1,
        bytecode_cache=codes,
    )
    environment.filters.update(groups=_groups, text_file=_text_file, drawing=_drawing, qr=qr.drawn)
    environment.globals.update(_=_translator(translations), ngettext=_plural_translator(translations), **shared)
    return environment


def _translator(translations: NullTranslations) -> Callable[..., Markup]:
    """Return the templates' `_`. Jinja's i18n extension does the same, but takes a third of a login page's time."""
    known: dict[str, Markup] = {}

    def translate(msgid: str, **params: object) -> Markup:
        text = known.get(msgid)
        if text is None:
            # The catalogue is ours: its texts are markup, and what is put into them is escaped.
            text = known[msgid] = Markup(translations.gettext(msgid))  # noqa: S704 - see above
        return text % params if params else text

    return translate


def _plural_translator(translations: NullTranslations) -> Callable[[str, str, int], Markup]:
    def translate(one: str, many: str, num: int) -> Markup:
        return Markup(translations.ngettext(one, many, num)) % {"num": num}  # noqa: S704 - the catalogue is ours

    return translate


def _groups(text: str, size: int = 4) -> list[str]:
    """Cut a key into groups that a person can copy by eye."""
    return [text[start : start + size] for start in range(0, len(text), size)]


def _text_file(lines: Iterable[str]) -> str:
    """Write a numbered list as a file that a browser saves from the page itself, without asking anybody."""
    text = "".join(f"{number}: {line}\r\n" for number, line in enumerate(lines, start=1))
    return "data:text/plain;charset=utf-8," + quote(text)


def _drawing(svg: str) -> Markup:
    """Trust an SVG to stand in a page: shapes and words only. Anything that could act or load raises ValueError."""
    rest = _DRAWING.sub("", svg)
    if "<" in rest or ">" in rest or any(map(_ACTIVE_ATTRIBUTE.search, _DRAWING.findall(svg))):
        raise ValueError("This is not a plain drawing.")
    return Markup(svg)  # noqa: S704 - only the shapes listed above are left, without active attributes


def _keyed(item: object) -> tuple[str, Mapping[str, object]]:
    """Read a bare key, a `{key, params}` mapping, or an object with these two."""
    if isinstance(item, str):
        return item, {}
    if isinstance(item, Mapping):
        return str(item["key"]), item.get("params") or {}
    return str(getattr(item, "key")), getattr(item, "params", None) or {}  # noqa: B009 - a structural, untyped read


def _number(value: object) -> int:
    """Read the number that chooses a plural; what is no number reads as many."""
    text = str(value)
    return int(text) if text.isascii() and text.isdigit() else 0


def _read_static() -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(STATIC.iterdir()) if path.suffix in CONTENT_TYPES}


def _digest(files: Mapping[str, bytes]) -> str:
    """Name a set of files by what they hold."""
    digest = hashlib.sha256()
    for part in _parts(files):
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()[:16]


def _parts(files: Mapping[str, bytes]) -> Iterable[bytes]:
    for name, body in files.items():
        yield name.encode()
        yield body
