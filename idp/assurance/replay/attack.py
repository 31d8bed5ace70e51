"""Walks the ceremonies of `CASE` over HTTP as somebody who holds what it says, and shows the access obtained.

    idp flow sandbox REALM            # in another window: the realm with customers that do not exist
    python THIS_SCRIPT [ADDRESS]      # http://127.0.0.1:8099

Needs Python and nothing else. Ends with 0 if the access was obtained, with 1 if it was refused.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import html.parser
import http.cookiejar
import json
import os
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

CASE: dict[str, Any] = {}

PATIENCE = 20  # seconds for one answer
TURNS = 40  # pages of one ceremony, at most
SILENT = {
    "soft-token-gate",
    "auth-cookie",
    "reset-otp",
    "allow-access-authenticator",
}  # steps that pass without a page, or not at all
ANSWERED = {
    "auth-username-password-form",
    "auth-username-form",
    "auth-password-form",
    "auth-otp-form",
    "sms-otp",
    "reset-credentials-choose-user",
    "reset-credential-sms",
    "reset-password",
    "soft-token-enrolment",
    "CONFIGURE_TOTP",
    "UPDATE_PASSWORD",
    "TERMS_AND_CONDITIONS",
    "VERIFY_PROFILE",
    "UPDATE_PROFILE",
}


class RefusedError(Exception):
    """The way is closed: the script was not let through."""


class Page(html.parser.HTMLParser):
    """The forms of a page, and the texts of its elements."""

    def __init__(self, url: str, text: str) -> None:
        super().__init__()
        self.url, self.forms, self.texts, self.open = url, dict[str, dict[str, Any]](), dict[str, str](), list[str]()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note forms, and what they hold."""
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms[given.get("id", str(len(self.forms)))] = {
                "action": given.get("action", ""),
                "fields": {},
                "ways": [],
            }
        elif tag in {"input", "button"} and self.forms and given.get("name"):
            form = list(self.forms.values())[-1]
            if given["name"] == "authenticationExecution":
                form["ways"].append(given.get("value", ""))
            form["fields"].setdefault(given["name"], given.get("value", "") if tag == "input" else None)
        if tag not in {"input", "img", "meta", "link", "br", "hr", "path"}:
            self.open.append(given.get("id", ""))

    def handle_endtag(self, tag: str) -> None:
        """Leave an element."""
        if self.open and tag not in {"input", "img", "meta", "link", "br", "hr", "path"}:
            self.open.pop()

    def handle_data(self, data: str) -> None:
        """Add a text to every element that it is in."""
        for name in filter(None, self.open):
            self.texts[name] = self.texts.get(name, "") + data

    def form(self, *names: str) -> dict[str, Any]:
        """Return the form that has these fields."""
        for form in self.forms.values():
            if set(names) <= form["fields"].keys():
                return form
        raise RefusedError(f"there is no form with {', '.join(names)}: {self.told}")

    @property
    def told(self) -> str:
        """What the page says to the person."""
        found = (self.texts.get(name) for name in ("message", "error-message", "info-message", "kc-page-title"))
        return " ".join(next(filter(None, found), "no message").split())


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


class Attacker:
    """One browser, and what somebody holds."""

    def __init__(self, base: str) -> None:
        self.base, self.held, self.last = base.rstrip("/"), dict(CASE["held"]), -1
        jar = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        self.http = urllib.request.build_opener(jar, _Stay())
        self.arrived = ""

    def ask(self, url: str, form: dict[str, str] | None = None) -> Page:
        """Open an address or post a form, and follow where it leads on this host."""
        data = None if form is None else urllib.parse.urlencode(form).encode()
        for _ in range(TURNS):
            try:
                answer = self.http.open(urllib.request.Request(url, data=data), timeout=PATIENCE)  # noqa: S310 - http(s)
            except urllib.error.HTTPError as error:
                answer = error
            text, leads_to = answer.read().decode(), answer.headers.get("location")
            if not leads_to:
                return Page(url, text)
            url, data = urllib.parse.urljoin(url, leads_to), None
            if not url.startswith(self.base + "/"):
                self.arrived = url
                return Page(url, "")
        raise RefusedError("the redirects do not end")

    def submit(self, page: Page, form: dict[str, Any], **values: str) -> Page:
        """Fill in a form and post it."""
        kept = {name: value for name, value in form["fields"].items() if value is not None}
        return self.ask(urllib.parse.urljoin(page.url, form["action"]), {**kept, **values})

    def message(self) -> str:
        """Return the last message to the customer's number: only who reads them can be here."""
        if "phone" not in self.held:
            raise RefusedError("the messages are not in this attacker's hands")
        with self.http.open(f"{self.base}/dev/outbox.json", timeout=PATIENCE) as answer:
            messages = [one["text"] for one in json.load(answer) if one["to"] == self.held["phone"]]
        if not messages:
            raise RefusedError("no message has come")
        return str(messages[-1])

    def password(self) -> str:
        """Return the password; a first one may have come as a message."""
        if "password" not in self.held:
            self.held["password"] = self.message().split()[-1]
        return str(self.held["password"])

    def code(self) -> str:
        """Return the token's next code (RFC 6238); each is accepted once, so the next step may have to be awaited."""
        if "seed" not in self.held:
            raise RefusedError("the soft token is not in this attacker's hands")
        seed, policy = base64.b64decode(self.held["seed"]), self.held.get("policy", CASE["first_policy"])
        step = max(int(time.time()) // policy["period"], self.last + 1)  # noqa: TID251 - a script's own clock
        while step > int(time.time()) // policy["period"]:  # noqa: TID251 - as above
            time.sleep(0.2)
        self.last = step
        full = hmac.new(seed, step.to_bytes(8, "big"), policy["algorithm"]).digest()
        offset = full[-1] & 15
        number = int.from_bytes(full[offset : offset + 4], "big") & 0x7FFFFFFF
        return str(number % 10 ** policy["digits"]).zfill(policy["digits"])

    def answer(self, step: str, page: Page) -> Page:
        """Answer one page."""
        match step:
            case "auth-username-password-form":
                return self.submit(
                    page, page.form("username", "password"), username=CASE["username"], password=self.password()
                )
            case "auth-username-form" | "reset-credentials-choose-user":
                return self.submit(page, page.form("username"), username=CASE["username"])
            case "auth-password-form":
                return self.submit(page, page.form("password"), password=self.password())
            case "auth-otp-form":
                return self.submit(page, page.form("otp"), otp=self.code())
            case "sms-otp" | "reset-credential-sms":
                page = page if "sms-otp-form" in page.forms else self.submit(page, page.form("resend"), resend="1")
                return self.submit(page, page.form("code"), code=self.message().rsplit("#", 1)[-1])
            case "soft-token-enrolment" | "CONFIGURE_TOTP":
                return self.enrol(
                    page if page.texts.get("secret") else self.submit(page, page.form("new-qr"), **{"new-qr": "1"})
                )
            case "UPDATE_PASSWORD" | "reset-password":
                fresh = "A-stranger-chose-" + base64.b16encode(os.urandom(6)).decode()
                self.held["password"] = fresh
                return self.submit(
                    page, page.form("password-new"), **{"password-new": fresh, "password-confirm": fresh}
                )
            case "TERMS_AND_CONDITIONS":
                return self.submit(page, page.form("kc-accept"), **{"kc-accept": "1"})
            case "VERIFY_PROFILE" | "UPDATE_PROFILE":
                return self.submit(page, page.form("kc-confirm"), **{"kc-confirm": "1"})
            case _:
                raise RefusedError(f"this script does not know how to answer {step}")

    def enrol(self, page: Page) -> Page:
        """Take the secret of the page: from now on the token is the attacker's."""
        secret = "".join(page.texts.get("secret", "").split())
        seed = base64.b32decode(secret + "=" * (-len(secret) % 8))
        self.held |= {"seed": base64.b64encode(seed).decode(), "policy": CASE["policy"]}
        self.last = -1
        return self.submit(page, page.form("totp"), totp=self.code())

    def walk(self, ceremony: dict[str, Any]) -> None:
        """Go through one ceremony, step by step."""
        self.arrived, left = "", list(zip(ceremony["places"], ceremony["steps"], strict=True))
        left = [(place, step) for place, step in left if not step.endswith("✗")]
        page = self.ask(self.begun(ceremony))
        for _ in range(TURNS):
            if self.arrived or (not left and ceremony["kind"] != "browser"):
                return
            if not page.forms:
                raise RefusedError(page.told)
            action = next(iter(page.forms.values()))["action"]
            here = urllib.parse.parse_qs(urllib.parse.urlsplit(action).query).get("execution", [""])[0]
            ahead = [place for place, _ in left]
            if here in ahead:
                left = left[ahead.index(here) :]  # what passed without a page
                say(f"  {left[0][1]}")
                page = self.answer(left.pop(0)[1], page)
            elif here.startswith("action-"):  # one that new customers meet once; it gives and takes nothing
                say(f"  {here.removeprefix('action-')}")
                page = self.answer(here.removeprefix("action-"), page)
            else:
                page = self.another_way(page, ahead)
        raise RefusedError("the ceremony does not end")

    def another_way(self, page: Page, ahead: list[str]) -> Page:
        """Choose the way that the case goes."""
        if not any(form["ways"] for form in page.forms.values()):
            page = self.submit(page, page.form("tryAnotherWay"), tryAnotherWay="1")
        for form in page.forms.values():
            for way in form["ways"]:
                if way in ahead:
                    say("  try another way")
                    return self.submit(page, form, authenticationExecution=way)
        raise RefusedError(f"the way is not offered: {page.told}")

    def begun(self, ceremony: dict[str, Any]) -> str:
        """Return the address at which a ceremony begins."""
        realm = f"{self.base}/realms/{urllib.parse.quote(CASE['realm'])}"
        if ceremony["kind"] != "browser":
            return f"{realm}/{ceremony['address']}?client_id={ceremony['client']}"
        challenge = base64.urlsafe_b64encode(hashlib.sha256(b"v" * 64).digest()).rstrip(b"=").decode()
        asked = {
            "client_id": ceremony["client"],
            "redirect_uri": CASE["callback"],
            "response_type": "code",
            "scope": "openid",
            "prompt": "login",
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        return f"{realm}/protocol/openid-connect/auth?{urllib.parse.urlencode(asked)}"

    def tokens(self, client: str) -> dict[str, Any]:
        """Redeem the code; return what the ID token says."""
        answer = {
            name: values[0] for name, values in urllib.parse.parse_qs(urllib.parse.urlsplit(self.arrived).query).items()
        }
        if "code" not in answer:
            raise RefusedError(f"no code, but {answer.get('error', self.arrived or 'nothing')}")
        form = {
            "grant_type": "authorization_code",
            "client_id": client,
            "code": answer["code"],
            "redirect_uri": CASE["callback"],
            "code_verifier": "v" * 64,
        }
        url = f"{self.base}/realms/{urllib.parse.quote(CASE['realm'])}/protocol/openid-connect/token"
        with self.http.open(url, data=urllib.parse.urlencode(form).encode(), timeout=PATIENCE) as got:
            payload = json.load(got)["id_token"].split(".")[1]
        claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return claims


def say(text: str) -> None:
    """Tell the reader what happens."""
    sys.stdout.write(text + "\n")


def main(arguments: list[str]) -> int:
    """Do it, and show what was obtained."""
    attacker = Attacker(arguments[0] if arguments else "http://127.0.0.1:8099")
    say(f"Against {CASE['username']} ({CASE['against']}), holding {' + '.join(CASE['holding']) or 'nothing'}")
    try:
        for number, ceremony in enumerate(CASE["ceremonies"], start=1):
            say(f"{number}. {ceremony['kind']} “{ceremony['flow']}”")
            attacker.walk(ceremony)
        claims = attacker.tokens(CASE["ceremonies"][-1]["client"])
    except RefusedError as refused:
        say(f"REFUSED: {refused}")
        return 1
    obtained = claims.get("acr") in CASE["acrs"]
    verdict, amr = "OBTAINED" if obtained else "TOO LITTLE", " ".join(claims.get("amr", []))
    say(f"{verdict}: a token of {CASE['username']} with acr “{claims.get('acr')}”, amr {amr}")
    return 0 if obtained else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
