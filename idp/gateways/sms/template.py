"""What a gateway wants to be asked, and which of its answers mean yes: templates and paths, as pure functions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import quote, urlencode

import msgspec

from idp.gateways.sms.gsm import fits_gsm
from idp.model.struct import Frozen
from idp.ports import MessageUndeliveredError

_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")
_LEFT_OUT = "{callback}"
_NOT_NOW = frozenset({429, 503})


class HttpTemplate(Frozen, frozen=True, kw_only=True):
    """How one gateway is asked by HTTP, and read.

    Placeholders are `{to}` (+355…), `{to_digits}` (355…), `{text}`, `{coding}` (`text` or `unicode`), `{sender}`,
    `{account}`, `{secret}`, `{basic}` (account and secret for an `Authorization: Basic`) and `{callback}` (where
    receipts go). A member that is `{callback}` and nothing else is left out where there are no receipts.
    """

    url: str
    method: str = "POST"
    headers: dict[str, str] = {}
    encoding: Literal["json", "form"] = "json"
    body: dict[str, Any] = {}
    accepted_at: str = ""
    accepted: tuple[str, ...] = ()
    message_id_at: str = ""


class HttpRequest(Frozen, frozen=True, kw_only=True):
    """A request that is ready to be sent."""

    method: str
    url: str
    headers: dict[str, str]
    content: bytes


def request_of(template: HttpTemplate, values: Mapping[str, str]) -> HttpRequest:
    """Fill a template: no value can break out of its place, and none is looked into for another placeholder."""
    body = filled(template.body, values)
    headers = {name.lower(): _said(value, values) for name, value in template.headers.items()}
    content = b""
    if template.method != "GET":
        as_form = template.encoding == "form"
        content = urlencode(body).encode() if as_form else msgspec.json.encode(body)
        headers["content-type"] = "application/x-www-form-urlencoded" if as_form else "application/json"
    escaped = {name: quote(value, safe="") for name, value in values.items()}
    return HttpRequest(method=template.method, url=_said(template.url, escaped), headers=headers, content=content)


def message_values(*, to: str, text: str) -> dict[str, str]:
    """Return the placeholders of one message."""
    coding = "text" if fits_gsm(text) else "unicode"
    return {"to": to, "to_digits": to.removeprefix("+"), "text": text, "coding": coding}


def message_id_of(template: HttpTemplate, status: int, content: bytes) -> str:
    """Return the gateway's id of a message that it has accepted; raises `MessageUndeliveredError` if it has not."""
    if not 200 <= status < 300:  # noqa: PLR2004 - RFC 9110 §15.3: the successful ones
        # A refusal by 4xx is one; behind 500, 502 or 504 the message may already be on its way.
        unsure = status >= 500 and status not in _NOT_NOW  # noqa: PLR2004 - RFC 9110 §15.6
        of_message = status in {400, 404, 422}
        raise MessageUndeliveredError(f"the gateway answered {status}", perhaps_sent=unsure, of_message=of_message)
    if not (template.accepted_at or template.message_id_at):
        return ""
    try:
        answer = msgspec.json.decode(content)
    except (msgspec.DecodeError, RecursionError):
        answer = None
    if template.accepted_at:
        told = found_at(answer, template.accepted_at)
        if told is None:
            raise MessageUndeliveredError("the gateway's answer says nothing", perhaps_sent=True)
        if told not in template.accepted:
            raise MessageUndeliveredError("the gateway does not take the message", of_message=True)
    return found_at(answer, template.message_id_at) or ""


def found_at(document: Any, path: str) -> str | None:
    """Return the text, number or truth at a path such as `messages.0.id`; None if nothing of that kind is there."""
    found = member_at(document, path)
    if isinstance(found, bool):
        return "true" if found else "false"
    return str(found) if isinstance(found, (str, int)) else None


def member_at(document: Any, path: str) -> Any:
    """Return whatever stands at a path, or None."""
    for part in path.split(".") if path else []:
        if isinstance(document, Mapping):
            document = document.get(part)
        elif isinstance(document, list) and part.isascii() and part.isdigit() and len(part) < 4:  # noqa: PLR2004 - places
            document = document[int(part)] if int(part) < len(document) else None
        else:
            return None
    return document


def filled(template: Any, values: Mapping[str, str]) -> Any:
    """Fill the texts of a template, wherever they stand in it."""
    if isinstance(template, str):
        return _said(template, values)
    if isinstance(template, Mapping):
        kept = {key: value for key, value in template.items() if value != _LEFT_OUT or values.get("callback")}
        return {key: filled(value, values) for key, value in kept.items()}
    if isinstance(template, list):
        return [filled(value, values) for value in template]
    return template


def _said(template: str, values: Mapping[str, str]) -> str:
    # In one pass: what a person's number or a text holds is never read as a template itself.
    return _PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), template)
