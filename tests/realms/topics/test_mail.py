from __future__ import annotations

import json
from typing import Any

import pytest

from idp.model.messages.mail import SmtpServer
from idp.model.secret import Secret
from idp.realms.files.placeholders import Surroundings
from idp.realms.loading import LoadedRealm, load

SERVER = {"host": "smtp.bank.example", "from": "no-reply@bank.example", "starttls": "true"}


def loaded(server: dict[str, Any]) -> LoadedRealm:
    vault = {("banka", "smtp"): "e kyçur"}
    document = {"realm": "banka", "enabled": True, "smtpServer": server}
    return load(json.dumps(document), surroundings=Surroundings(vault=lambda realm, key: vault.get((realm, key))))


def read(**changed: Any) -> SmtpServer | None:
    return loaded({**SERVER, **changed}).realm.mail_server


def findings(**changed: Any) -> list[tuple[str, str]]:
    told = loaded({**SERVER, **changed}).findings
    return [(one.rule, one.pointer) for one in told if one.pointer.startswith("/smtpServer")]


def test_a_realm_without_a_mail_server_has_none() -> None:
    assert loaded({}).realm.mail_server is None


def test_every_key_of_keycloak_has_its_meaning() -> None:
    assert read(
        port="587",
        fromDisplayName="Banka e Bizneseve",
        replyTo="ndihme@bank.example",
        replyToDisplayName="Ndihma",
        envelopeFrom="kthim@bank.example",
        auth=True,
        user="hyrja",
        password="${vault.smtp}",
        connectionTimeout="2000",
        timeout="3000",
        writeTimeout="4000",
        allowutf8="true",
        debug="true",
    ) == SmtpServer(
        host="smtp.bank.example",
        port=587,
        sender="no-reply@bank.example",
        sender_name="Banka e Bizneseve",
        reply_to="ndihme@bank.example",
        reply_to_name="Ndihma",
        envelope_from="kthim@bank.example",
        tls="starttls",
        user="hyrja",
        password=Secret("e kyçur"),
        allow_utf8=True,
        timeout=4.0,
    )


@pytest.mark.parametrize(
    ("tls", "kind", "port"),
    [({"ssl": "true"}, "implicit", 465), ({"starttls": "true"}, "starttls", 25), ({"starttls": "false"}, "none", 25)],
)
def test_tls_is_chosen_by_two_keys_and_the_port_follows(tls: dict[str, str], kind: str, port: int) -> None:
    server = read(**{"starttls": "false", **tls})
    assert server is not None
    assert (server.tls, server.port) == (kind, port)


def test_an_access_token_takes_the_place_of_a_password() -> None:
    server = read(
        auth="true",
        authType="token",
        user="hyrja",
        password="left over",
        authTokenUrl="https://login.mail.example/token",
        authTokenClientId="hyrja",
        authTokenClientSecret="${vault.smtp}",
        authTokenScope="smtp",
    )
    assert server is not None
    assert server.password is None
    assert server.token is not None
    assert server.token.client_secret.reveal() == "e kyçur"


@pytest.mark.parametrize(
    ("changed", "pointer"),
    [
        ({"from": ""}, "/smtpServer/from"),
        ({"from": "Banka <no-reply@bank.example>"}, "/smtpServer/from"),
        ({"replyTo": "nobody"}, "/smtpServer/replyTo"),
        ({"fromDisplayName": "Banka\r\nBcc: eve@evil.example"}, "/smtpServer/fromDisplayName"),
        ({"port": "0"}, "/smtpServer/port"),
        ({"port": "smtp"}, "/smtpServer/port"),
        ({"timeout": "600000"}, "/smtpServer/timeout"),
        ({"auth": "true", "user": "hyrja", "password": "**********"}, "/smtpServer/password"),
        ({"auth": "true", "user": "hyrja", "password": "${vault.other}"}, "/smtpServer/password"),
        (
            {
                "auth": "true",
                "authType": "token",
                "authTokenUrl": "http://login.mail.example/token",
                "authTokenClientSecret": "s",
            },
            "/smtpServer/authTokenUrl",
        ),
    ],
)
def test_a_server_that_cannot_be_used_is_told_and_is_none(changed: dict[str, str], pointer: str) -> None:
    assert findings(**changed) == [("R-SMTP", pointer)]
    assert read(**changed) is None


def test_a_server_without_tls_is_told_unless_it_is_this_machine() -> None:
    assert findings(starttls="false") == [("R-SMTP-PLAIN", "/smtpServer/starttls")]
    assert findings(starttls="false", host="localhost") == []


def test_a_password_is_never_shown() -> None:
    assert "e kyçur" not in repr(read(auth="true", user="hyrja", password="${vault.smtp}"))
