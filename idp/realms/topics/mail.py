"""`smtpServer`: Keycloak's keys, all of them text, become one mail server or none.

A server that cannot be used hinders no login that sends nothing: the findings say what is missing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from idp.model.finding import Finding
from idp.model.messages.mail import LOOPBACK, MailToken, SmtpServer, mail_address
from idp.model.secret import Secret
from idp.realms.files.placeholders import Vault
from idp.realms.files.secrets import secret_of
from idp.realms.representation import realm as file
from idp.realms.values import warning, whole_number

POINTER = "/smtpServer"
_PLAIN_PORT, _TLS_PORT = 25, 465
_MILLISECONDS, _MOST_MILLISECONDS = 10_000, 60_000


def smtp_server(found: file.Realm, vault: Vault, findings: list[Finding]) -> SmtpServer | None:
    """Return the mail server of a realm; None where there is none, or where it cannot be used (with a finding)."""
    written = found.smtp_server
    if not written.get("host"):
        return None
    problems: list[Finding] = []
    tls = _tls(written)
    proves, by_token = written.get("auth") == "true", written.get("authType") == "token"
    server = SmtpServer(
        host=written["host"],
        port=_port(written, tls, problems),
        sender=_address(written, "from", problems),
        sender_name=_line(written, "fromDisplayName", problems),
        reply_to=_address(written, "replyTo", problems),
        reply_to_name=_line(written, "replyToDisplayName", problems),
        envelope_from=_address(written, "envelopeFrom", problems),
        tls=tls,
        user=_line(written, "user", problems) if proves else "",
        password=_secret(found, "password", vault, problems) if proves and not by_token else None,
        token=_token(found, vault, problems) if proves and by_token else None,
        allow_utf8=written.get("allowutf8") == "true",
        timeout=_timeout(written, problems),
    )
    if not written.get("from"):
        problems.append(_wrong("from", "The mail server has no sender.", "Write an address."))
    findings.extend(problems)
    findings.extend(_unwise(server))
    return None if problems else server


def _wrong(key: str, problem: str, repair: str) -> Finding:
    return warning("R-SMTP", f"{POINTER}/{key}", f"{problem} No e-mail is sent.", repair)


def _unwise(server: SmtpServer) -> Iterator[Finding]:
    if server.tls == "none" and server.host not in LOOPBACK:
        problem = "E-mail goes to its server without TLS: whoever is in between reads codes and links."
        if server.user:
            problem += " The password of the mail server would be read too: it is not sent, and nothing is."
        yield warning("R-SMTP-PLAIN", f"{POINTER}/starttls", problem, "Set starttls or ssl to true.")


def _tls(written: dict[str, str]) -> Literal["implicit", "starttls", "none"]:
    if written.get("ssl") == "true":
        return "implicit"
    return "starttls" if written.get("starttls") == "true" else "none"


def _port(written: dict[str, str], tls: str, problems: list[Finding]) -> int:
    default = _TLS_PORT if tls == "implicit" else _PLAIN_PORT
    return _number(written, "port", default, 65535, problems)


def _timeout(written: dict[str, str], problems: list[Finding]) -> float:
    """Return the longest of Keycloak's three times, in seconds: here one bound holds for a whole message."""
    keys = ("connectionTimeout", "timeout", "writeTimeout")
    return max(_number(written, key, _MILLISECONDS, _MOST_MILLISECONDS, problems) for key in keys) / 1000


def _number(written: dict[str, str], key: str, default: int, most: int, problems: list[Finding]) -> int:
    found: list[Finding] = []
    number = whole_number(
        written.get(key, ""), default, f"{POINTER}/{key}", found, rule="R-SMTP", most=most, unit="those"
    )
    problems.extend(_wrong(key, f"“{written[key]}” is not a number from 1 to {most}.", one.repair) for one in found)
    return number


def _address(written: dict[str, str], key: str, problems: list[Finding]) -> str:
    if not written.get(key):
        return ""
    address = mail_address(written[key])
    if address is None:
        problem = f"“{written[key]}” is not an e-mail address."
        problems.append(_wrong(key, problem, "Write one address, without a name."))
    return address or ""


def _line(written: dict[str, str], key: str, problems: list[Finding]) -> str:
    line = written.get(key, "")
    if not line.isprintable():
        problems.append(_wrong(key, f"{key} is not one line of text: a break begins another header.", "Mend it."))
        return ""
    return line


def _secret(found: file.Realm, key: str, vault: Vault, problems: list[Finding]) -> Secret | None:
    secret = secret_of(found.realm, found.smtp_server.get(key, ""), vault)
    if isinstance(secret, Secret):
        return secret
    problems.append(_wrong(key, secret.problem, secret.repair))
    return None


def _token(found: file.Realm, vault: Vault, problems: list[Finding]) -> MailToken | None:
    written = found.smtp_server
    url, secret = written.get("authTokenUrl", ""), _secret(found, "authTokenClientSecret", vault, problems)
    if not url.startswith("https://"):
        problems.append(_wrong("authTokenUrl", "The address of the tokens is not https.", "Write an https address."))
    if secret is None:
        return None
    return MailToken(
        url=url,
        client_id=written.get("authTokenClientId", ""),
        client_secret=secret,
        scope=written.get("authTokenScope", ""),
    )
