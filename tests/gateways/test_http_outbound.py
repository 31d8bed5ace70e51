"""Calls to clients' addresses: against real servers on loopback, and the guard against everything that is inside."""

from __future__ import annotations

import contextlib
import datetime as dt
import ipaddress
import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import example, given, settings
from hypothesis import strategies as st

from idp.gateways.http_outbound import HttpOutbound
from idp.ports import UnfetchableError
from tests.patience import PATIENCE

pytestmark = pytest.mark.anyio
DOCUMENT = b'{"keys": []}'
PUBLIC = "93.184.215.14"
Respond = Callable[[BaseHTTPRequestHandler], None]


class Answering:
    """Servers that were asked, and what for."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.bodies: list[bytes] = []

    @contextlib.contextmanager
    def serving(self, respond: Respond, tls: ssl.SSLContext | None = None) -> Iterator[int]:
        asked, bodies = self.asked, self.bodies

        class Answer(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
                with contextlib.suppress(OSError):
                    respond(self)

            def do_POST(self) -> None:
                bodies.append(self.rfile.read(int(self.headers["content-length"])))
                self.do_GET()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
                del format, args

        class Server(ThreadingHTTPServer):
            def handle_error(self, request: object, client_address: object) -> None:
                del request, client_address  # a handshake that the caller broke off

        server = Server(("127.0.0.1", 0), Answer)
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            server.server_close()
            thread.join()


@pytest.fixture
def answering() -> Answering:
    return Answering()


def ok(body: bytes = DOCUMENT, status: int = 200, **headers: str) -> Respond:
    def respond(answer: BaseHTTPRequestHandler) -> None:
        answer.send_response(status)
        for name, value in headers.items():
            answer.send_header(name.replace("_", "-"), value)
        answer.end_headers()
        answer.wfile.write(body)

    return respond


def outbound(*names: str, **options: object) -> HttpOutbound:
    """Return a gateway for which every name is of these addresses."""

    async def resolve(_host: str, _port: int) -> list[str]:
        return list(names)

    return HttpOutbound(**{"allow_loopback": True, "timeout": PATIENCE, "resolve": resolve, **options})  # type: ignore[arg-type] # a test's choice of options


async def fetched(gateway: HttpOutbound, address: str, largest: int = 100) -> bytes:
    return await gateway.fetch(address, largest=largest)


async def test_a_document_is_fetched_with_the_name_and_without_anything_of_ours(answering: Answering) -> None:
    with answering.serving(ok(Set_Cookie="a=b")) as port:
        gateway = outbound("127.0.0.1")
        for _ in range(2):
            assert await fetched(gateway, f"http://keys.example:{port}/jwks?a=b") == DOCUMENT
    path, headers = answering.asked[1]
    assert path == "/jwks?a=b"
    assert headers["host"] == f"keys.example:{port}"
    assert headers["accept-encoding"] == "identity"
    assert not {"cookie", "authorization", "referer"} & set(headers)


@pytest.mark.parametrize(
    ("respond", "reason"),
    [
        pytest.param(ok(status=302, Location="http://169.254.169.254/"), "302", id="a redirect"),
        pytest.param(ok(status=307, Location="/other"), "307", id="a redirect to itself"),
        pytest.param(ok(status=404), "404", id="not there"),
        pytest.param(ok(status=500), "500", id="broken"),
        pytest.param(ok(status=204), "204", id="nothing"),
        pytest.param(ok(b"x" * 101), "too large", id="one byte too large"),
        pytest.param(ok(b"x" * 10_000_000), "too large", id="much too large"),
        pytest.param(ok(Content_Encoding="gzip"), "compressed", id="compressed"),
        pytest.param(lambda answer: answer.wfile.write(b"no HTTP\r\n\r\n"), "reached", id="no HTTP"),
        pytest.param(lambda _: None, "reached", id="silence"),
    ],
)
async def test_an_answer_that_is_no_document_is_refused(answering: Answering, respond: Respond, reason: str) -> None:
    with answering.serving(respond) as port, pytest.raises(UnfetchableError, match=reason):
        await fetched(outbound("127.0.0.1"), f"http://keys.example:{port}/")
    assert len(answering.asked) == 1


async def test_an_answer_in_drips_is_not_waited_for(answering: Answering) -> None:
    stop = threading.Event()

    def drip(answer: BaseHTTPRequestHandler) -> None:
        answer.send_response(200)
        answer.end_headers()
        while not stop.wait(0.02):
            answer.wfile.write(b" ")

    with answering.serving(drip) as port, pytest.raises(UnfetchableError, match="TimeoutError"):
        await fetched(outbound("127.0.0.1", timeout=0.2), f"http://keys.example:{port}/", 10_000)
    stop.set()


INSIDE = [
    "0.0.0.0",  # noqa: S104 - an address to be refused
    "10.0.0.1",
    "100.64.0.1",
    "127.0.0.1",
    "127.8.8.8",
    "169.254.169.254",
    "172.16.0.1",
    "192.168.1.1",
    "192.0.0.8",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::127.0.0.1",
    "::a9fe:a9fe",
    "::ffff:0:127.0.0.1",
    "fec0::1",
    "64:ff9b:1::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "2002:7f00:1::",
    "2002:a00:1::1",
    "2001:0:7f00:1::",
    "2001:db8::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "ff02::1",
]


def counting(calls: list[httpx.Request]) -> httpx.MockTransport:
    def answer(request: httpx.Request) -> httpx.Response:
        calls.append(request)
        return httpx.Response(200, stream=httpx.ByteStream(DOCUMENT))

    return httpx.MockTransport(answer)


@pytest.mark.parametrize("inside", INSIDE)
async def test_cve_2020_10770_no_address_inside_is_called(inside: str) -> None:
    calls: list[httpx.Request] = []
    for names in ((inside,), (PUBLIC, inside), (inside, PUBLIC)):
        with pytest.raises(UnfetchableError, match="not called"):
            await fetched(
                outbound(*names, allow_loopback=False, transport=counting(calls)), "https://keys.example/jwks"
            )
    assert calls == []


async def test_a_body_is_posted_and_the_status_comes_back(answering: Answering) -> None:
    with answering.serving(ok(b"x" * 1_000_000, 204)) as port:
        gateway = outbound("127.0.0.1")
        status = await gateway.post(
            f"http://rp.example:{port}/out?a=b",
            body=b"logout_token=x",
            content_type="application/x-www-form-urlencoded",
            headers={"authorization": "Bearer t"},
        )
    (path, headers), (body,) = answering.asked[0], answering.bodies
    assert (status, path, body) == (204, "/out?a=b", b"logout_token=x")
    assert headers["host"] == f"rp.example:{port}"
    assert headers["content-type"] == "application/x-www-form-urlencoded"
    assert headers["authorization"] == "Bearer t"
    assert not {"cookie", "referer"} & set(headers)


async def test_a_post_follows_no_redirect(answering: Answering) -> None:
    with answering.serving(ok(status=307, Location="/other")) as port:
        gateway = outbound("127.0.0.1")
        assert await gateway.post(f"http://rp.example:{port}/out", body=b"x", content_type="text/plain") == 307
    assert [path for path, _ in answering.asked] == ["/out"]


async def test_a_post_is_not_waited_for_for_ever(answering: Answering) -> None:
    stop = threading.Event()

    def silent(_answer: BaseHTTPRequestHandler) -> None:
        stop.wait()

    with answering.serving(silent) as port:
        gateway = outbound("127.0.0.1", timeout=0.2)
        with pytest.raises(UnfetchableError, match="TimeoutError"):
            await gateway.post(f"http://rp.example:{port}/out", body=b"x", content_type="text/plain")
        stop.set()


@pytest.mark.parametrize("inside", INSIDE)
async def test_cve_2020_10770_nothing_is_posted_to_an_address_inside(inside: str) -> None:
    calls: list[httpx.Request] = []
    gateway = outbound(inside, allow_loopback=False, transport=counting(calls))
    with pytest.raises(UnfetchableError, match="not called"):
        await gateway.post("https://rp.example/out", body=b"x", content_type="text/plain")
    assert calls == []


@pytest.mark.parametrize("inside", ["10.0.0.1", "169.254.169.254", "::ffff:10.0.0.1", "fd00:ec2::254", "0.0.0.0"])  # noqa: S104 - as above
async def test_the_test_switch_opens_loopback_and_nothing_else(inside: str) -> None:
    calls: list[httpx.Request] = []
    with pytest.raises(UnfetchableError, match="not called"):
        await fetched(outbound(inside, transport=counting(calls)), "https://keys.example/jwks")
    assert calls == []


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "[::1]", "localhost"])
async def test_no_spelling_of_loopback_is_called(host: str, answering: Answering) -> None:
    with answering.serving(ok()) as port:
        for scheme in ("http", "https"):
            with pytest.raises(UnfetchableError):
                await fetched(HttpOutbound(timeout=2.0), f"{scheme}://{host}:{port}/")
    assert answering.asked == []


async def test_the_connection_goes_to_the_address_that_was_checked() -> None:
    """DNS rebinding: the name is asked once, and its answer is what is called."""
    calls: list[httpx.Request] = []
    asked: list[str] = []

    async def resolve(host: str, _port: int) -> list[str]:
        asked.append(host)
        return [PUBLIC] if len(asked) == 1 else ["127.0.0.1"]

    gateway = HttpOutbound(resolve=resolve, transport=counting(calls))
    assert await fetched(gateway, "https://keys.example:8443/jwks?x=1") == DOCUMENT
    assert asked == ["keys.example"]
    assert str(calls[0].url) == f"https://{PUBLIC}:8443/jwks?x=1"
    assert calls[0].headers["host"] == "keys.example:8443"
    assert calls[0].extensions["sni_hostname"] == "keys.example"


@pytest.mark.parametrize(
    "address",
    [
        "http://keys.example/jwks",
        "ftp://keys.example/jwks",
        "file:///etc/passwd",
        "gopher://keys.example/",
        "//keys.example/jwks",
        "keys.example/jwks",
        "https://",
        "https:///jwks",
        "https://user@keys.example/",
        "https://user:pass@keys.example/",
        "https://keys.example\\@evil.example/",
        "https://keys.example/#fragment",
        "https://keys.example:0/",
        "https://keys.example:99999/",
        "https://keys.example:port/",
        "https://[::1/",
        "https://keys.example/ x",
        "https://keys.example/\r\nx: y",
        "https://këys.example/",
        "https://keys.example/" + "x" * 2048,
        "",
    ],
)
async def test_an_address_of_another_kind_or_with_two_readings_is_not_called(address: str) -> None:
    calls: list[httpx.Request] = []
    with pytest.raises(UnfetchableError):
        await fetched(outbound(PUBLIC, transport=counting(calls)), address)
    assert calls == []


async def test_the_next_address_of_a_name_is_tried_if_the_first_leads_nowhere(answering: Answering) -> None:
    with answering.serving(ok()) as port:
        assert await fetched(outbound("::1", "127.0.0.1"), f"http://keys.example:{port}/") == DOCUMENT


@pytest.mark.parametrize("failure", [socket.gaierror(-2, "unknown"), UnicodeError("label too long"), OSError("no net")])
async def test_a_name_that_is_not_found_is_a_document_that_is_not_found(failure: Exception) -> None:
    async def resolve(_host: str, _port: int) -> list[str]:
        raise failure

    with pytest.raises(UnfetchableError, match="reached"):
        await fetched(HttpOutbound(resolve=resolve), "https://keys.example/")
    with pytest.raises(UnfetchableError):
        await fetched(outbound(), "https://keys.example/")


def authority(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """Return a server's TLS for `keys.example`, and the file of who vouches for it."""
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    now = dt.datetime.now(dt.UTC)  # noqa: TID251 - TLS looks at the real clock
    names = x509.SubjectAlternativeName(
        [x509.DNSName("keys.example"), x509.IPAddress(ipaddress.ip_address("192.0.2.1"))]
    )
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(private, hashes.SHA256())
    )
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    certificate.write_bytes(built.public_bytes(serialization.Encoding.PEM))
    key.write_bytes(
        private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context, certificate


async def test_tls_is_checked_against_the_name_and_the_authorities(answering: Answering, tmp_path: Path) -> None:
    tls, certificate = authority(tmp_path)
    with answering.serving(ok(), tls) as port:
        trusting = outbound("127.0.0.1", ca_bundle=str(certificate))
        assert await fetched(trusting, f"https://keys.example:{port}/") == DOCUMENT
        with pytest.raises(UnfetchableError, match="ConnectError"):  # the right authority, another name
            await fetched(trusting, f"https://other.example:{port}/")
        with pytest.raises(UnfetchableError, match="ConnectError"):  # the right name, nobody vouches
            await fetched(outbound("127.0.0.1"), f"https://keys.example:{port}/")
    assert len(answering.asked) == 1


PIECES = st.sampled_from(
    [
        *(
            "https://",
            "HTTPS://",
            "http://",
            "//",
            "/",
            "\\",
            "@",
            ":",
            ":443",
            ":8443",
            ":0",
            "?",
            "#",
            "%",
            "%2f",
            "%00",
        ),
        *(
            "keys.example",
            "evil.example",
            "127.0.0.1",
            "[::1]",
            "[",
            "]",
            ".",
            "..",
            "\t",
            "\r\n",
            " ",
            "\u3002",
            "\uff0e",
            "*",
        ),
    ]
)


GOOD = "https://keys.example:8443/jwks?x=1"
SPOILT = st.builds(
    lambda at, piece: GOOD[:at] + piece + GOOD[at:], st.integers(0, len(GOOD)), PIECES | st.characters(codec="utf-8")
)


@given(SPOILT | st.lists(PIECES, max_size=8).map("".join) | st.text(max_size=30).map("https://".__add__))
@settings(deadline=None)
@example("https://[::1]")
@example("https://[::1]https://")
@example("https://keys.example:/jwks")
async def test_of_any_address_only_the_host_that_was_looked_up_is_called(address: str) -> None:
    """However it is spelled: what is called is the address that the one name in it has, or nothing."""
    calls: list[httpx.Request] = []
    asked: list[str] = []

    async def resolve(host: str, _port: int) -> list[str]:
        asked.append(host)
        return [PUBLIC]

    try:
        await fetched(HttpOutbound(resolve=resolve, transport=counting(calls)), address)
    except UnfetchableError:
        assert calls == []
        return
    (call,), (host,) = calls, asked
    assert call.url.host == PUBLIC
    assert call.extensions["sni_hostname"] == host
    # Another parser than ours reads the same host in it, and the header names no other.
    assert httpx.URL(address).host == host
    named = f"[{host}]" if ":" in host else host
    assert re.fullmatch(r"(:[0-9]+)?", call.headers["host"].lower().removeprefix(named))
    assert address.lower().startswith("https://")
