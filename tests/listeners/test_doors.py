"""Opening the doors: ports, certificates, and what is said when they cannot be used."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
from cryptography import x509

from idp.listeners.doors import open_doors
from idp.listeners.sockets import ListenerError, listening
from idp.settings.management import Management
from idp.settings.tables import MutualTls, Server
from tests import certificates
from tests.certificates import RSA_KEY
from tests.fakes import FakeClock


def settings(folder: Path, *, port: int = 0, **changes: object) -> Server:
    known: dict[str, object] = {
        "base_url": "https://id.bank.example:9443",
        "port": port,
        "tls_certificate": str(folder / "server.pem"),
        "tls_key": str(folder / "server.key"),
        "mutual_tls": MutualTls(base_url="https://mtls.bank.example:9444", port=0),
        **changes,
    }
    return Server(**known)  # type: ignore[arg-type] # the fields' types are the tests' to choose


def test_without_a_certificate_there_is_one_plain_door(tmp_path: Path, clock: FakeClock) -> None:
    doors = open_doors(settings(tmp_path, tls_certificate="", tls_key=""), clock=clock)
    assert (doors.context, doors.asking) == (None, None)
    doors.close()
    assert doors.listeners.ordinary.fileno() == -1


def test_without_a_port_of_its_own_nothing_asks_for_certificates(tmp_path: Path, clock: FakeClock) -> None:
    certificates.server().save(tmp_path, "server")
    mutual = MutualTls(base_url="https://mtls.bank.example")
    doors = open_doors(settings(tmp_path, mutual_tls=mutual), clock=clock)
    assert doors.context is not None
    assert doors.asking is None
    doors.close()


def test_both_doors_are_opened_and_closed(tmp_path: Path, clock: FakeClock) -> None:
    certificates.server().save(tmp_path, "server")
    doors = open_doors(settings(tmp_path), clock=clock)
    assert doors.asking is not None
    doors.close()
    assert (doors.listeners.ordinary.fileno(), doors.asking.listener.fileno()) == (-1, -1)


def test_a_port_that_is_taken_is_named_and_the_other_is_let_go(tmp_path: Path, clock: FakeClock) -> None:
    certificates.server().save(tmp_path, "server")
    with listening("127.0.0.1", 0) as taken, listening("127.0.0.1", 0) as free:
        busy, port = taken.getsockname()[1], free.getsockname()[1]
        free.close()
        mutual = MutualTls(base_url="https://mtls.bank.example", port=busy)
        with pytest.raises(ListenerError, match=f"Port {busy} on 127.0.0.1 cannot be used"):
            open_doors(settings(tmp_path, port=port, mutual_tls=mutual), clock=clock)
        listening("127.0.0.1", port).close()


def test_a_management_port_that_is_taken_is_named_and_the_other_is_let_go(tmp_path: Path, clock: FakeClock) -> None:
    with listening("127.0.0.1", 0) as taken, listening("127.0.0.1", 0) as free:
        busy, port = taken.getsockname()[1], free.getsockname()[1]
        free.close()
        plain = settings(tmp_path, port=port, tls_certificate="", tls_key="")
        with pytest.raises(ListenerError, match=f"Port {busy} on 127.0.0.1 cannot be used"):
            open_doors(plain, clock=clock, management=Management(port=busy))
        listening("127.0.0.1", port).close()


@pytest.mark.parametrize("broken", ["missing", "garbage", "another key"])
def test_a_certificate_that_cannot_be_used_is_named(tmp_path: Path, clock: FakeClock, broken: str) -> None:
    certificate, key = certificates.server().save(tmp_path, "server")
    if broken == "missing":
        certificate.unlink()
    elif broken == "garbage":
        certificate.write_text("garbage")
    else:
        _, other = certificates.server(RSA_KEY).save(tmp_path, "other")
        key.write_bytes(other.read_bytes())
    with pytest.raises(ListenerError, match=r"server\.tls_certificate and server\.tls_key: .* cannot be used"):
        open_doors(settings(tmp_path), clock=clock)


def test_a_development_certificate_is_made_once_for_every_name(tmp_path: Path, clock: FakeClock) -> None:
    made = settings(tmp_path / "tls", create_tls_certificate=True)
    open_doors(made, clock=clock).close()
    certificate, key = Path(made.tls_certificate), Path(made.tls_key)
    assert [path.stat().st_mode & 0o777 for path in (certificate, key)] == [0o600, 0o600]
    text = certificate.read_bytes()
    names = x509.load_pem_x509_certificate(text).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["localhost", "id.bank.example", "mtls.bank.example"]
    assert [str(ip) for ip in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1", "::1"]
    ssl.create_default_context(cafile=str(certificate))
    open_doors(made, clock=clock).close()
    assert certificate.read_bytes() == text


def test_half_a_certificate_is_not_replaced(tmp_path: Path, clock: FakeClock) -> None:
    _, key = certificates.server().save(tmp_path, "server")
    (tmp_path / "server.pem").unlink()
    before = key.read_bytes()
    with pytest.raises(ListenerError):
        open_doors(settings(tmp_path, create_tls_certificate=True), clock=clock)
    assert key.read_bytes() == before


def test_a_certificate_that_cannot_be_made_is_said(tmp_path: Path, clock: FakeClock) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ListenerError, match="cannot be made"):
        open_doors(settings(tmp_path / "file", create_tls_certificate=True), clock=clock)
