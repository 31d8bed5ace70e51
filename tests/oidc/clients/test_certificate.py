"""tls_client_auth and self_signed_tls_client_auth (RFC 8705 §2): each way to be wrong by name."""

from __future__ import annotations

import ipaddress
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, x448
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from joserfc.jwk import ECKey, RSAKey

from idp.crypto.client_certificates import ClientAuthorities
from idp.model.client import Client
from idp.model.clients.assertion import KeySource
from idp.model.clients.sender import CertificateRules
from idp.model.secret import Secret
from idp.oidc.routes import hot_endpoints
from tests.certificates import EC_KEY, RSA_KEY, SERVER_AUTH, Holder, authority, issued
from tests.fakes import FakeClock
from tests.oidc.harness import PATH, SECRET, Bank
from tests.oidc.signers import ASSERTION_TYPE, claims, signed

pytestmark = pytest.mark.anyio
CA = authority()
MIDDLE = authority("CN=Middle,O=Bank", by=CA)
SUBJECT = "CN=robot,O=Bank"
ROBOT = Client(
    client_id="robot",
    authentication="client-x509",
    certificate=CertificateRules(subject_dn=SUBJECT),
    secret=Secret(SECRET),  # registered, and of no use: a client authenticates by its method only
    standard_flow=False,
    service_account=True,
    default_scopes=("profile",),
)
OTHER_KEY = ec.generate_private_key(ec.SECP256R1())


@pytest.fixture
def bank(clock: FakeClock) -> Bank:
    bank = Bank(clock)
    bank.realm = msgspec.structs.replace(bank.realm, clients={**bank.realm.clients, "robot": ROBOT})
    bank.provider.client_authorities = ClientAuthorities(CA.pem.encode())
    return bank


def rules(bank: Bank, **changes: Any) -> None:
    bank.change_client("robot", certificate=CertificateRules(**changes))


async def asked(
    bank: Bank, holder: Holder | None, *, chain: tuple[bytes, ...] | None = None, **form: str | None
) -> httpx.Response:
    """Ask for a token over a connection with this certificate."""
    find = hot_endpoints({"bank": bank.provider})
    given = holder.scope() if holder is not None else {}
    if chain is not None:
        given = {"tls": {"client_cert_chain": [_pem(der) for der in chain]}}

    async def application(scope: Any, receive: Any, send: Any) -> None:
        found = find(scope)
        assert found is not None
        scope["extensions"] = given
        await found(scope, receive, send)

    posted = {"grant_type": "client_credentials", "client_id": "robot", **form}
    headers = {"Authorization": posted.pop("authorization", None) or ""}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(application), base_url="https://id.bank.al") as http:
        data = {name: value for name, value in posted.items() if value is not None}
        return await http.post(PATH + "token", data=data, headers=headers if headers["Authorization"] else {})


def _pem(der: bytes) -> str:
    import ssl  # noqa: PLC0415 - for certificates that are none

    return ssl.DER_cert_to_PEM_cert(der)


async def refused(bank: Bank, holder: Holder | None, **options: Any) -> str:
    """Check that the client is refused, and return what the log knows."""
    reply = await asked(bank, holder, **options)
    assert (reply.status_code, reply.json()["error"]) == (401, "invalid_client")
    assert reply.json()["error_description"] == "Invalid client or invalid client credentials."
    (event,) = await bank.stores.events.recent(limit=1)
    return event.detail["reason"]


# --- tls_client_auth (§2.1) -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "holder",
    [
        pytest.param(issued(by=CA), id="EC"),
        pytest.param(issued(by=CA, key=RSA_KEY), id="RSA"),
        pytest.param(issued(by=MIDDLE), id="through one between"),
        pytest.param(issued(by=CA, usage=None), id="for anything"),
        pytest.param(issued(by=CA, usage=ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE), id="for any use, in words"),
    ],
)
async def test_a_certificate_of_an_authority_with_the_clients_name_is_the_client(bank: Bank, holder: Holder) -> None:
    reply = await asked(bank, holder)
    assert reply.status_code == 200, reply.text


@pytest.mark.parametrize(
    ("holder", "why"),
    [
        pytest.param(None, "no certificate", id="none"),
        pytest.param(issued(), "no authority vouches", id="self-signed"),
        pytest.param(issued(by=authority()), "no authority vouches", id="of an authority of the same name"),
        pytest.param(issued("CN=Bank CA,O=Bank", authority=True), "no authority vouches", id="an authority's own"),
        pytest.param(issued("CN=other,O=Bank", by=CA), "another name", id="another client's"),
        pytest.param(issued("CN=robot", by=CA), "another name", id="less of the name"),
        pytest.param(issued("CN=robot,O=Bank,C=AL", by=CA), "another name", id="more of the name"),
        pytest.param(issued("O=Bank,CN=robot", by=CA), "another name", id="in another order"),
        pytest.param(issued("CN=Robot,O=Bank", by=CA), "another name", id="in other letters"),
        pytest.param(issued("CN=robot\\,O\\=Bank", by=CA), "another name", id="all in one component"),
        pytest.param(issued(by=CA, usage=SERVER_AUTH), "not for clients", id="for servers"),
        pytest.param(issued(by=CA, days=1), "expired", id="expired"),
        pytest.param(issued(by=CA, begins=datetime(2030, 1, 1, tzinfo=UTC)), "not valid yet", id="of the future"),
        pytest.param(issued(by=issued(by=CA)), "no authority vouches", id="issued by a client"),
    ],
)
async def test_another_certificate_is_not_the_client(bank: Bank, holder: Holder | None, why: str) -> None:
    assert why in await refused(bank, holder)


async def test_a_certificate_is_judged_at_the_time_of_the_request(bank: Bank, clock: FakeClock) -> None:
    now = datetime.fromtimestamp(clock(), UTC)
    holder = issued(by=CA, begins=now - timedelta(days=1), days=2)
    assert (await asked(bank, holder)).status_code == 200
    clock.advance(86_400 + 1)
    assert "expired" in await refused(bank, holder)


async def test_without_authorities_nobody_is_vouched_for(bank: Bank) -> None:
    bank.provider.client_authorities = ClientAuthorities()
    assert "no authorities" in await refused(bank, issued(by=CA))


async def test_one_between_that_is_not_sent_is_not_guessed(bank: Bank) -> None:
    assert "no authority vouches" in await refused(bank, None, chain=(issued(by=MIDDLE).der,))


@pytest.mark.parametrize("garbage", [b"garbage", b"\x30\x03\x02\x01\x01", issued(by=CA).der[:-5]])
async def test_what_is_no_certificate_is_refused(bank: Bank, garbage: bytes) -> None:
    assert "unreadable" in await refused(bank, None, chain=(garbage,))
    assert "unreadable" in await refused(bank, None, chain=(issued(by=CA).der, garbage))


@pytest.mark.parametrize(
    "form",
    [
        pytest.param({"client_secret": SECRET}, id="a secret"),
        pytest.param({"authorization": "Basic cm9ib3Q6", "client_id": None}, id="a header without a secret"),
        pytest.param({"client_id": "nobody"}, id="no such client"),
        pytest.param({"client_id": "broken"}, id="a client of another method"),
    ],
)
async def test_a_certificate_is_one_method_and_for_one_client(bank: Bank, form: dict[str, Any]) -> None:
    reply = await asked(bank, issued(by=CA), **form)
    assert (reply.status_code, reply.json()["error"]) == (401, "invalid_client")


async def test_a_client_of_certificates_does_not_prove_itself_by_assertion(bank: Bank) -> None:
    key = ECKey.import_key(EC_KEY)
    bank.change_client("robot", keys=KeySource(jwks=json.dumps({"keys": [key.as_dict(private=False)]})))
    assertion = signed(claims(bank), key=key, kid=None)
    form: dict[str, Any] = {"client_assertion": assertion, "client_assertion_type": ASSERTION_TYPE, "client_id": None}
    reply = await asked(bank, issued(by=CA), **form)
    assert (reply.status_code, reply.json()["error"]) == (401, "invalid_client")


# --- names (§2.1.2) -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "subject",
    [
        "CN=robot,O=Bank",
        "2.5.4.3=robot,O=Bank",
        "CN=r\\6Fbot,O=Bank",
    ],
)
async def test_a_subject_is_compared_as_a_name_and_not_as_a_text(bank: Bank, subject: str) -> None:
    rules(bank, subject_dn=subject)
    assert (await asked(bank, issued(by=CA))).status_code == 200


async def test_a_subject_may_have_what_certificates_of_banks_have(bank: Bank) -> None:
    rules(bank, subject_dn="emailAddress=a@bank.al,organizationIdentifier=PSDAL-1,CN=robot")
    named = x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, "robot"),
            x509.NameAttribute(NameOID.ORGANIZATION_IDENTIFIER, "PSDAL-1"),
            x509.NameAttribute(NameOID.EMAIL_ADDRESS, "a@bank.al"),
        ]
    )
    text = named.rfc4514_string({NameOID.EMAIL_ADDRESS: "1.2.840.113549.1.9.1"})
    assert (await asked(bank, issued(text, by=CA))).status_code == 200


async def test_a_pattern_fits_the_whole_subject_or_nothing(bank: Bank) -> None:
    rules(bank, subject_pattern="CN=robot(-[0-9]+)?,O=Bank")
    for subject in ("CN=robot,O=Bank", "CN=robot-7,O=Bank"):
        assert (await asked(bank, issued(subject, by=CA))).status_code == 200
    for subject in ("CN=robot,O=Bank,C=AL", "CN=x,CN=robot,O=Bank", "CN=robot-x,O=Bank"):
        assert "another name" in await refused(bank, issued(subject, by=CA))


NAMES: tuple[x509.GeneralName, ...] = (
    x509.DNSName("Robot.bank.al"),
    x509.UniformResourceIdentifier("urn:robot"),
    x509.IPAddress(ipaddress.ip_address("2001:db8::1")),
    x509.RFC822Name("robot@bank.al"),
)


@pytest.mark.parametrize(
    ("name", "right", "wrong"),
    [
        ("san_dns", "robot.bank.al", "bank.al"),
        ("san_dns", "ROBOT.bank.al", "*.bank.al"),
        ("san_uri", "urn:robot", "urn:Robot"),
        ("san_ip", "2001:0db8:0::1", "2001:db8::2"),
        ("san_email", "robot@bank.al", "Robot@bank.al"),
    ],
)
async def test_a_client_may_be_known_by_another_name(bank: Bank, name: str, right: str, wrong: str) -> None:
    holder = issued("CN=whoever", by=CA, names=NAMES)
    rules(bank, **{name: right})
    assert (await asked(bank, holder)).status_code == 200
    assert "another name" in await refused(bank, issued("CN=whoever", by=CA))
    rules(bank, **{name: wrong})
    assert "another name" in await refused(bank, holder)


async def test_a_star_in_a_certificate_is_no_wildcard(bank: Bank) -> None:
    rules(bank, san_dns="robot.bank.al")
    assert "another name" in await refused(bank, issued(by=CA, names=(x509.DNSName("*.bank.al"),)))


@pytest.mark.parametrize("registered_name", [{"subject_dn": "robot"}, {"san_ip": "x"}, {"subject_pattern": "("}])
async def test_a_registered_name_that_is_none_is_nobody(bank: Bank, registered_name: dict[str, str]) -> None:
    rules(bank, **registered_name)
    assert "registered name is none" in await refused(bank, issued(by=CA, names=NAMES))


async def test_a_client_without_a_name_is_nobody(bank: Bank) -> None:
    rules(bank)
    assert "another name" in await refused(bank, issued(by=CA, names=NAMES))


# --- self_signed_tls_client_auth (§2.2) -----------------------------------------------------------------------------


def registered(bank: Bank, *keys: Any) -> None:
    jwks = json.dumps({"keys": [key.as_dict(private=False) for key in keys]})
    bank.change_client("robot", keys=KeySource(jwks=jwks), certificate=CertificateRules(self_signed=True))


@pytest.mark.parametrize("key", [EC_KEY, RSA_KEY])
async def test_a_certificate_with_a_registered_key_is_the_client_whoever_signed_it(bank: Bank, key: Any) -> None:
    registered(bank, ECKey.generate_key("P-256"), ECKey.import_key(EC_KEY), RSAKey.import_key(RSA_KEY))
    for holder in (issued(key=key), issued("CN=whoever", key=key, usage=SERVER_AUTH), issued(key=key, by=authority())):
        assert (await asked(bank, holder)).status_code == 200


async def test_a_registered_certificate_is_the_client(bank: Bank) -> None:
    holder = issued()
    text = "".join(holder.pem.splitlines()[1:-1])
    bank.change_client("robot", keys=KeySource(certificate=text), certificate=CertificateRules(self_signed=True))
    assert (await asked(bank, holder)).status_code == 200
    assert "registered keys" in await refused(bank, issued(key=OTHER_KEY))


async def test_another_key_is_not_the_client_even_under_an_authority(bank: Bank) -> None:
    registered(bank, ECKey.import_key(EC_KEY))
    for holder in (issued(key=OTHER_KEY), issued(key=OTHER_KEY, by=CA), issued(key=RSA_KEY)):
        assert "registered keys" in await refused(bank, holder)


async def test_an_expired_certificate_is_refused_although_its_key_is_registered(bank: Bank) -> None:
    registered(bank, ECKey.import_key(EC_KEY))
    assert "expired" in await refused(bank, issued(days=1))


async def test_a_key_of_another_type_is_refused(bank: Bank) -> None:
    registered(bank, ECKey.import_key(EC_KEY))
    signer = authority()
    odd = (
        x509.CertificateBuilder()
        .subject_name(x509.Name.from_rfc4514_string(SUBJECT))
        .issuer_name(signer.certificate.subject)
        .public_key(x448.X448PrivateKey.generate().public_key())
        .serial_number(1)
        .not_valid_before(datetime(2025, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2035, 1, 1, tzinfo=UTC))
        .sign(signer.key, SHA256())
    )
    assert "type" in await refused(bank, None, chain=(odd.public_bytes(Encoding.DER),))


async def test_a_key_that_nobody_knows_is_refused(bank: Bank) -> None:
    registered(bank, ECKey.import_key(EC_KEY))
    elliptic_curve, unknown = bytes.fromhex("2a8648ce3d0201"), bytes.fromhex("2a8648ce3d0209")
    assert "unreadable" in await refused(bank, None, chain=(issued().der.replace(elliptic_curve, unknown),))


async def test_a_client_without_keys_is_nobody(bank: Bank) -> None:
    bank.change_client("robot", certificate=CertificateRules(self_signed=True))
    assert "no keys" in await refused(bank, issued())
