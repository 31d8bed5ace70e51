"""The pages: what others rely on in them, and that they are safe to show."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import product
from pathlib import Path

import jinja2
import pytest

from idp.web.locales import Locales
from idp.web.pages import STATIC, Pages, RealmView
from tests.web.samples import EVERYWHERE, LOCALES, PAGES, REALM, SAMPLES, Document, rendered, shown

# What other people's programs look for: tag and id, and the name where a form is posted with it.
CONTRACT: dict[str, tuple[str, ...]] = {
    "login": (
        "form#kc-form-login", "input#username[username]", "input#password[password]", "a#register-soft-token",
        "input#id-hidden-input[credentialId]", "button#kc-login[kc-login]", "button#restart[restart]",
        "form#kc-select-try-another-way-form", "button#try-another-way[tryAnotherWay]", "a#client-policy",
        "a#client-tos", "button#login-cancel[cancelLogin]",
    ),
    "login, user name only": ("form#kc-form-login", "input#username[username]", "button#kc-login[kc-login]"),
    "login, password only": ("form#kc-form-login", "input#password[password]", "button#not-you[restart]"),
    "registration": ("form#kc-form-login", "input#username[username]", "input#password[password]", "button#kc-login"),
    "how to register": ("div#soft-token-info", "button#cancel[cancel]"),
    "sms": ("form#sms-otp-form", "input#code[code]", "button#kc-login[submit]", "button#resend[resend]"),
    "sms, unsent": ("button#send[resend]",),
    "otp": ("form#kc-otp-login-form", "input#otp[otp]", "button#kc-login[kc-login]"),
    "enrol": (
        "div#soft-token-enrol", "code#secret", "input#totp[totp]", "input#userLabel[userLabel]",
        "button#kc-login[submit]",
    ),
    "enrol, seen": ("input#totp[totp]", "button#new-qr[new-qr]"),
    "enrol, gone": ("button#new-qr[new-qr]",),
    "password": (
        "form#kc-passwd-update-form", "input#password-new[password-new]", "input#password-confirm[password-confirm]",
        "input#username[username]",
    ),
    "terms": ("form#kc-terms", "button#kc-accept[kc-accept]", "button#kc-decline[kc-decline]"),
    "profile": ("form#profile-form", "button#kc-confirm[kc-confirm]"),
    "an account of one's own": (
        "form#kc-register-form", "input#email[email]", "input#password[password]",
        "input#password-confirm[password-confirm]", "input#termsAccepted[termsAccepted]", "button#kc-register",
    ),
    "an account to be linked": ("form#kc-link-account", "button#kc-link[kc-link]", "button#kc-restart[restart]"),
    "login, elsewhere too": ("a#social-other",),
    "language": ("form#kc-locale-form", "select#locale[locale]"),
    "end of an account": ("form#kc-delete-account", "button#kc-keep[kc-keep]", "button#kc-delete[kc-delete]"),
    "ways": ("form#kc-select-credential-form",),
    "consent": ("form#kc-oauth", "button#consent-allow[accept]", "button#consent-deny[cancel]"),
    "form post": ("form#form-post", "input[session_code]", "button#form-post-continue"),
    "consent for a device": ("form#kc-oauth", "strong#approval-compare", "button#consent-allow[accept]"),
    "consent to a request": ("form#kc-oauth", "strong#approval-compare", "button#consent-deny[cancel]"),
    "device": (
        "form#device-code-form", "input#device-user-code[user_code]", "button#device-continue[continue]",
    ),
    "request": ("form#request-waiting-form", "button#request-continue[continue]"),
    "logout": ("form#logout-confirm", "button#kc-logout", "input[session_code]"),
    "logged out": ("p#info-message",),
    "error": ("p#error-message", "a#restart-login", "a#back-to-application"),
}  # fmt: skip


everywhere = pytest.mark.parametrize(("sample", "locale"), list(product(SAMPLES, LOCALES)))


def test_every_page_has_a_sample_here() -> None:
    assert {template for template, _ in SAMPLES.values()} == set(PAGES.names)


@everywhere
def test_a_page_is_whole_in_every_language(sample: str, locale: str) -> None:
    page = shown(sample, locale=locale)
    (html,) = page.all("html")
    assert html.attributes["lang"] == locale
    assert len(page.all("h1")) == 1
    assert page.all("h1")[0].text.strip()
    assert page.all("h1")[0].text.strip() in page.all("title")[0].text
    assert [a.attributes["hreflang"] for a in page.all("a") if "hreflang" in a.attributes] == list(LOCALES)
    assert [a.attributes["hreflang"] for a in page.all("a") if "aria-current" in a.attributes] == [locale]


@everywhere
def test_ids_are_unique_and_references_lead_somewhere(sample: str, locale: str) -> None:
    page = shown(sample, locale=locale)
    ids = [element.attributes["id"] for element in page.elements if "id" in element.attributes]
    assert len(ids) == len(set(ids))
    for element, attribute in product(page.elements, ("for", "aria-describedby", "aria-labelledby")):
        assert set(element.attributes.get(attribute, "").split()) <= set(ids)


@everywhere
def test_every_field_has_a_label_and_tells_its_error(sample: str, locale: str) -> None:
    page = shown(sample, locale=locale)
    labelled = {label.attributes["for"] for label in page.all("label") if label.text.strip()}
    visible = [
        field
        for field in page.all("input", "select", "textarea")
        if field.attributes.get("type") != "hidden" and "hidden" not in field.attributes
    ]
    assert {field.attributes["id"] for field in visible} == labelled
    for field in visible:
        assert "aria-invalid" not in field.attributes or field.attributes["aria-describedby"]


@everywhere
def test_nothing_inline_and_nothing_foreign_is_on_a_page(sample: str, locale: str) -> None:
    page = shown(sample, locale=locale)
    for element in page.elements:
        names = element.attributes.keys()
        assert element.tag != "style"
        assert "style" not in names
        assert not [name for name in names if name.startswith("on") or name in {"srcset", "formaction"}]
        loaded = [element.attributes.get("src", "")]
        loaded += [element.attributes.get("href", "")] if element.tag == "link" else []
        assert all(not address or address in PAGES.static_files() for address in loaded)
    for script in page.all("script"):
        assert "defer" in script.attributes
        assert not script.text.strip()


@everywhere
def test_every_form_posts_to_its_action_with_its_hidden_fields(sample: str, locale: str) -> None:
    body = rendered(sample, locale=locale).decode()
    page = Document(body.encode())
    for form in page.all("form"):
        assert form.attributes["method"] == "post"
        assert form.attributes["action"] == EVERYWHERE["action"]
    assert body.count('name="session_code" value="s"') == len(page.all("form"))
    assert 'action="/realms/banka/login-actions/authenticate?execution=1&amp;tab_id=2"' in body or not page.all("form")


@pytest.mark.parametrize(("sample", "signature"), [(name, s) for name, all_ in CONTRACT.items() for s in all_])
def test_what_others_rely_on_is_there(sample: str, signature: str) -> None:
    assert [element for element in shown(sample).elements if signature in element.signatures]


@pytest.mark.parametrize(
    ("sample", "id_", "word"),
    [
        ("login", "kc-login", "Hyr"),
        ("login", "register-soft-token", "Regjistro Software Token"),
        ("registration", "kc-login", "Dërgo"),
        ("how to register", "cancel", "Anullo"),
        ("sms", "kc-login", "Dërgo"),
        ("sms", "resend", "Dërgo kodin përsëri"),
        ("otp", "kc-login", "Dërgo"),
        ("enrol", "kc-login", "Dërgo"),
    ],
)
def test_the_guide_s_words_are_on_the_buttons(sample: str, id_: str, word: str) -> None:
    assert shown(sample).text(id_) == word


@pytest.mark.parametrize(
    ("sample", "word"),
    [
        ("login", "Emri i përdoruesit"),
        ("login", "Fjalëkalimi"),
        ("sms", "Verifikimi i kodit"),
        ("enrol", "Skano kredencialet për aktivizimin online"),
        ("terms", "Kushtet e Punës"),
    ],
)
def test_the_guide_s_words_are_on_the_pages(sample: str, word: str) -> None:
    assert word in rendered(sample).decode()


@pytest.mark.parametrize(
    ("sample", "id_", "autocomplete"),
    [
        ("login", "username", "username"),
        ("login", "password", "current-password"),
        ("sms", "code", "one-time-code"),
        ("otp", "otp", "one-time-code"),
        ("enrol", "totp", "one-time-code"),
        ("password", "password-new", "new-password"),
        ("password", "password-confirm", "new-password"),
        ("password", "username", "username"),
    ],
)
def test_browsers_and_password_managers_know_the_fields(sample: str, id_: str, autocomplete: str) -> None:
    field = shown(sample).by_id(id_)
    assert field.attributes["autocomplete"] == autocomplete
    assert (field.attributes.get("inputmode") == "numeric") == (autocomplete == "one-time-code")


def test_the_password_page_names_the_user_without_sending_the_name() -> None:
    page = shown("login, password only")
    assert page.text("kc-attempted-username") == "ana"
    assert not [field for field in page.all("input") if field.attributes.get("name") == "username"]


def test_a_fixed_user_name_cannot_be_edited() -> None:
    assert "readonly" in shown("login, user fixed").by_id("username").attributes
    assert "readonly" not in shown("login").by_id("username").attributes


def test_the_first_page_of_a_login_has_one_form() -> None:
    page = shown("login", can_restart=False, can_try_another_way=False, can_decline=False)
    # Programs that log in by themselves take the first one, and its first button.
    assert [button.attributes["id"] for button in page.all("button")] == ["kc-login", "login-cancel"]
    assert [form.attributes["id"] for form in page.all("form")] == ["kc-form-login"]


def test_a_code_can_be_asked_for_again_without_javascript() -> None:
    assert "disabled" not in shown("sms").by_id("resend").attributes


def test_the_manual_key_reads_in_groups_and_copies_as_one() -> None:
    page = shown("enrol", secret="JBSWY3DPEHPK3PXPAB")
    assert page.by_id("secret").text == "JBSWY3DPEHPK3PXPAB"
    assert [span.text for span in page.all("span") if "JB" in span.text or span.text == "AB"] == ["JBSW", "AB"]


@pytest.mark.parametrize("sample", ["enrol, seen", "enrol, gone"])
def test_a_qr_code_that_is_gone_leaves_no_key_behind(sample: str) -> None:
    page = shown(sample, secret="JBSWY3DPEHPK3PXP")
    assert not page.all("svg")
    assert "JBSW" not in rendered(sample, secret="JBSWY3DPEHPK3PXP").decode()


@pytest.mark.parametrize(
    "svg",
    [
        "<svg><script>alert(1)</script></svg>",
        "<svg onload=alert(1)></svg>",
        '<svg><path\nonclick="x"/></svg>',
        '<svg><path d="0"onclick="x"/></svg>',
        '<svg><a href="https://evil.example">x</a></svg>',
        '<svg><image href="https://evil.example"/></svg>',
        '<svg><path style="fill:url(https://evil.example)"/></svg>',
        "<svg><foreignObject><form></form></foreignObject></svg>",
        "<svg><path d='<script>'/></svg>",
        "<svg",
    ],
)
def test_only_a_plain_drawing_is_put_into_a_page(svg: str) -> None:
    with pytest.raises(ValueError, match="plain drawing"):
        rendered("enrol, drawn", qr_svg=svg)


ATTACK = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>{{7*7}}%(x)s"
CHOSEN_BY_US = frozenset(
    {"key", "kind", "label_key", "text_key", "heading", "asks", "submit", "qr_svg", "locale", "error"}
)


def attacked(value: object, name: str = "") -> object:
    if isinstance(value, Mapping):
        return {key: attacked(item, str(key)) for key, item in value.items()}
    if isinstance(value, list):
        return [attacked(item) for item in value]
    return ATTACK if isinstance(value, str) and name not in CHOSEN_BY_US else value


@everywhere
def test_what_people_type_stays_text(sample: str, locale: str) -> None:
    template, own = SAMPLES[sample]
    fields = attacked({**EVERYWHERE, **own})
    assert isinstance(fields, dict)
    texts = dict.fromkeys((*REALM.texts, "loginNote", "termsTitle", "termsText", "invalid_code"), ATTACK)
    body = PAGES.render(template, locale=locale, realm=RealmView(title=ATTACK, texts=texts), **fields)
    page = Document(body)
    assert b"<script>alert" not in body
    assert {script.attributes["src"] for script in page.all("script")} <= PAGES.static_files().keys()
    assert not [element for element in page.elements if "onerror" in element.attributes]


def test_a_relying_party_s_link_must_be_a_web_address() -> None:
    page = shown("login", client={"name": "x", "policy_uri": "javascript:alert(1)", "tos_uri": "data:text/html,x"})
    assert not [a for a in page.all("a") if a.attributes.get("id", "").startswith("client-")]


@pytest.mark.parametrize("template", ["login", "consent"])
def test_a_relying_party_s_logo_is_named_and_tells_its_host_nothing_of_the_page(template: str) -> None:
    logo = "https://rp.example/logo.png"
    image = shown(template, client={"name": "<Pagesat>", "logo_uri": logo}).by_id("client-logo").attributes
    assert (image["src"], image["alt"], image["referrerpolicy"]) == (logo, "<Pagesat>", "no-referrer")
    for other in ("javascript:alert(1)", "data:image/png;base64,AA", "http://rp.example/logo.png", "/static/x", ""):
        assert b'id="client-logo"' not in rendered(template, client={"name": "x", "logo_uri": other})


def test_an_error_is_an_alert_and_is_told_in_the_title() -> None:
    page = shown("login", message={"key": "invalid_credentials", "params": {}, "kind": "error"})
    assert page.by_id("message").attributes["role"] == "alert"
    assert page.all("title")[0].text.startswith("Gabim: ")
    calm = shown("login", message={"key": "token_registered", "params": {}, "kind": "success"})
    assert calm.by_id("message").attributes["role"] == "status"
    assert not calm.all("title")[0].text.startswith("Gabim")


@pytest.mark.parametrize("locale", LOCALES)
def test_an_error_page_names_the_parameter_in_every_language(locale: str) -> None:
    page = shown("error", locale=locale, message={"key": "invalid_redirect_uri", "kind": "error"})
    assert "redirect_uri" in page.text("error-message")
    named = shown(
        "error", locale=locale, message={"key": "invalid_parameter", "params": {"name": "scope"}, "kind": "x"}
    )
    assert "scope" in named.text("error-message")


def test_a_missing_field_is_a_bug_and_not_an_empty_place() -> None:
    with pytest.raises(jinja2.UndefinedError):
        PAGES.render("select-method.html", locale="sq", realm=REALM)


def test_a_locale_without_texts_reads_english() -> None:
    (html,) = shown("login", locale="de").all("html")
    assert html.attributes["lang"] == "en"


def test_static_files_are_addressed_by_what_they_hold() -> None:
    files = PAGES.static_files()
    assert PAGES.css_path in files
    assert re.fullmatch(r"/static/[0-9a-f]{16}/hyrja\.css", PAGES.css_path)
    assert {kind for _, kind in files.values()} == {
        "text/css; charset=utf-8", "text/javascript; charset=utf-8", "image/svg+xml",
    }  # fmt: skip
    used = set(re.findall(r"url\(([^)]+)\)", (STATIC / "hyrja.css").read_text()))
    assert {f"{PAGES.css_path.rsplit('/', 1)[0]}/{name}" for name in used} <= files.keys()
    published = Pages(locales=Locales.load(), base_path="/auth")
    assert published.css_path == f"/auth{PAGES.css_path}"


def test_the_script_stays_a_comfort() -> None:
    assert len((STATIC / "hyrja.js").read_text().splitlines()) < 60


def test_the_room_holds_nothing_else() -> None:
    kinds = {path.suffix for folder in ("static", "templates") for path in Path(STATIC.parent / folder).iterdir()}
    assert kinds == {".css", ".js", ".svg", ".html"}


def test_the_realm_s_terms_are_cut_at_empty_lines() -> None:
    page = shown("terms", paragraphs=(), realm=RealmView(title="B", texts={"termsText": "Një.\n\n Dy.\n \nTre."}))
    assert page.text("kc-terms-text") == "Një. Dy. Tre."
