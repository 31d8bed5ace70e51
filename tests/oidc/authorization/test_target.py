"""A redirect address is the client's, as text, or nothing is sent there (RFC 9700 §2.1, CVE-2024-8883, -52289)."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from idp.model.client import Client
from idp.model.oauth import AuthorizationRequest
from idp.model.realm import Realm
from idp.oidc.authorization.target import Target, UnsafeRequestError, find_target, matches, target_of

EXACT = "https://app.bank.al/callback"
NATIVE = "http://127.0.0.1/callback"
WILD = "https://app.bank.al/banking/*"
ISSUER = "https://id.bank.al/realms/bank"

# Everything that has ever confused a comparison of addresses, to be mixed by the properties.
PIECES = st.sampled_from(
    [
        *("https", "http", "HTTPS", "javascript", "com.app", "://", ":/", ":", "//", "/", "\\", "@", "?", "#", "&"),
        *("app.bank.al", "APP.bank.al", "app.bank.al.evil.example", "evil.example", "127.0.0.1", "[::1]", "localhost"),
        *("127.0.0.1:8080", ":1", ":65536", ":٣", ":", "user:pw", "callback", "Callback", "banking", "banking/", "."),
        *(
            "..",
            "%2e%2e",
            "%2f",
            "%5c",
            "%00",
            ";",
            "*",
            " ",
            "\t",
            "\n",
            "\r",
            "\x00",
            "\u00a0",
            "\uff43",
            "\u0131",
            "/callback",
        ),
    ]
)
ADDRESSES = st.one_of(
    st.text(max_size=60),
    st.lists(PIECES, max_size=8).map("".join),
    st.builds(lambda before, after: before + EXACT + after, st.text(max_size=3), st.text(max_size=3)),
    st.builds(lambda at, piece: EXACT[:at] + piece + EXACT[at:], st.integers(0, len(EXACT)), PIECES),
    st.builds(lambda at, piece: NATIVE[:at] + piece + NATIVE[at:], st.integers(0, len(NATIVE)), PIECES),
)


@given(ADDRESSES)
def test_no_string_but_the_registered_one_is_accepted(given_: str) -> None:
    assert matches(EXACT, given_) == (given_ == EXACT)


@given(ADDRESSES)
def test_a_loopback_address_varies_in_its_port_and_in_nothing_else(given_: str) -> None:
    if matches(NATIVE, given_):
        before, found, after = given_.partition("http://127.0.0.1")
        assert (before, found) == ("", "http://127.0.0.1")
        port, slash, rest = after.partition("/")
        assert slash + rest == "/callback"
        assert port == "" or (port[0] == ":" and port[1:].isascii() and port[1:].isdigit() and len(port) <= 6)


@given(ADDRESSES, st.lists(PIECES, max_size=6).map("".join))
def test_a_prefix_never_leads_to_another_host_or_out_of_its_path(address: str, rest: str) -> None:
    for candidate in (address, WILD[:-1] + rest, WILD[:-1] + address):
        if matches(WILD, candidate):
            assert candidate.startswith(WILD[:-1])
            parts = urlsplit(candidate)
            assert (parts.scheme, parts.netloc) == ("https", "app.bank.al")
            assert ".." not in parts.path
            assert candidate.isprintable()


@given(
    ADDRESSES,
    st.sampled_from(["*", "http*", "https*", "https:*", "https:/*", "https://*", "https://app.bank.al*", "/*"]),
)
def test_a_wildcard_that_does_not_reach_into_a_path_matches_nothing(address: str, registered: str) -> None:
    assume(address != registered)
    assert not matches(registered, address)


@pytest.mark.parametrize("port", ["", ":1", ":8080", ":65535"])
@pytest.mark.parametrize("registered", ["http://127.0.0.1/cb", "http://127.0.0.1:3000/cb", "http://[::1]/cb?x=1"])
def test_a_native_application_may_listen_on_any_port(registered: str, port: str) -> None:
    host = "[::1]" if "[" in registered else "127.0.0.1"
    path = registered.split("/", 3)[3]
    assert matches(registered, f"http://{host}{port}/{path}")


@pytest.mark.parametrize(
    ("registered", "address"),
    [
        ("http://localhost/cb", "http://localhost:1/cb"),  # RFC 8252 §8.3: a name may be resolved elsewhere
        ("https://127.0.0.1/cb", "https://127.0.0.1:1/cb"),
        ("http://127.0.0.1/cb", "http://127.0.0.2:1/cb"),
        ("http://127.0.0.1/cb", "http://127.0.0.1.evil.example/cb"),
        ("http://127.0.0.1/cb", "http://127.0.0.1:80@evil.example/cb"),
        ("http://127.0.0.1/cb", "http://user@127.0.0.1/cb"),
        ("http://127.0.0.1/cb", "http://127.0.0.1:/cb"),
        ("http://127.0.0.1/cb", "http://127.0.0.1:65536/cb"),
        ("http://127.0.0.1/cb", "http://127.0.0.1:99999/cb"),
        ("http://127.0.0.1/cb", "http://127.0.0.1:80/c\nb"),
        ("http://127.0.0.1/cb", " http://127.0.0.1/cb"),
        ("http://127.0.0.1/cb", "HTTP://127.0.0.1/cb"),
        ("http://127.0.0.1/cb", "http://127.0.0.1:\uff11/cb"),
        ("http://127.0.0.1/cb", "http://127.0.0.1:1/cb?x=1"),
        ("http://127.0.0.1/cb", "http://[::1]/cb"),
        ("http://127.0.0.1", "http://127.0.0.1/"),
        (WILD, "https://app.bank.al/banking"),
        (WILD, "https://app.bank.al/banking/../admin"),
        (WILD, "https://app.bank.al/banking/%2e%2e/admin"),
        (WILD, "https://app.bank.al/banking/%2E%2e/admin"),
        (WILD, "https://app.bank.al/banking/\\evil"),
        (WILD, "https://app.bank.al/banking/x\r\nlocation: y"),
        (WILD, "https://app.bank.al/banking/#x"),
        (EXACT, EXACT + "?"),
        (EXACT, EXACT + "#"),
        (EXACT, EXACT.upper()),
        ("https://app.bank.al/callback?x=1", EXACT),
        (EXACT.replace(".", "x"), EXACT),
        (EXACT, EXACT.replace(".", "x")),
    ],
)
def test_an_address_that_is_nearly_registered_is_refused(registered: str, address: str) -> None:
    assert not matches(registered, address)


def test_a_wildcard_matches_below_its_path() -> None:
    assert matches(WILD, "https://app.bank.al/banking/")
    assert matches(WILD, "https://app.bank.al/banking/a/b?c=d")
    assert matches("com.bank.app:/cb/*", "com.bank.app:/cb/x")


def test_an_address_of_two_thousand_characters_is_the_longest() -> None:
    assert matches(WILD, WILD[:-1] + "x" * (2000 - len(WILD) + 1))
    assert not matches(WILD, WILD[:-1] + "x" * (2000 - len(WILD) + 2))


def bank(**changes: object) -> Realm:
    client = Client(client_id="app", redirect_uris=(EXACT,), **changes)  # type: ignore[arg-type] # any field of a client
    return Realm(name="bank", version="1", clients={"app": client})


@pytest.mark.parametrize(
    ("realm", "parameters", "key"),
    [
        (bank(), {}, "client_not_found"),
        (bank(), {"client_id": "other", "redirect_uri": EXACT}, "client_not_found"),
        (bank(enabled=False), {"client_id": "app", "redirect_uri": EXACT}, "client_not_found"),
        (bank(), {"client_id": "app"}, "invalid_redirect_uri"),
        (bank(), {"client_id": "app", "redirect_uri": EXACT + "/"}, "invalid_redirect_uri"),
    ],
)
def test_without_a_proven_address_there_is_no_target(realm: Realm, parameters: dict[str, str], key: str) -> None:
    with pytest.raises(UnsafeRequestError) as unsafe:
        find_target(realm, parameters, issuer=ISSUER)
    assert unsafe.value.key == key


def request(**changes: object) -> AuthorizationRequest:
    fields = {"client_id": "app", "redirect_uri": EXACT, "response_mode": "query", "scope": (), **changes}
    return AuthorizationRequest(**fields)  # type: ignore[arg-type] # any field of a request


def test_a_checked_request_loses_its_target_when_the_client_loses_the_address() -> None:
    assert target_of(bank(), request(), issuer=ISSUER) is not None
    assert target_of(bank(enabled=False), request(), issuer=ISSUER) is None
    assert target_of(bank(), request(redirect_uri="https://app.bank.al/old"), issuer=ISSUER) is None
    assert target_of(bank(), request(client_id="gone"), issuer=ISSUER) is None


@given(st.text(max_size=50), st.dictionaries(st.sampled_from(["code", "error", "session_state"]), st.text(max_size=20)))
def test_an_answer_can_be_read_back_whatever_is_in_it(state: str, parameters: dict[str, str]) -> None:
    for address, mode in ((EXACT, "query"), (EXACT + "?own=1", "query"), (EXACT, "fragment")):
        target = Target(redirect_uri=address, response_mode=mode, state=state, issuer=ISSUER)  # type: ignore[arg-type] # a mode
        parts = urlsplit(target.url(target.answer(parameters)))
        read = parse_qs(parts.fragment if mode == "fragment" else parts.query, keep_blank_values=True)
        assert read["state"] == [state]
        assert read["iss"] == [ISSUER], "in errors too (RFC 9207)"
        assert {name: values[0] for name, values in read.items() if name in parameters} == parameters
        assert f"{parts.scheme}://{parts.netloc}{parts.path}" == EXACT
