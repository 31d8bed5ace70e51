"""The door for tokens that others sign, by itself; what stands behind it is tested with the token endpoint."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.crypto.foreign import LARGEST_FOREIGN_TOKEN, proves_by_secret, read_foreign
from idp.crypto.jose import TokenError
from idp.model.secret import Secret
from tests.oidc.signers import segment

KEY = b"0123456789abcdef0123456789abcdef"


@given(
    text=st.text(max_size=300)
    | st.from_regex(r"(e30|eyJhbGciOiJub25lIn0|[A-Za-z0-9_-]{0,30})(\.[A-Za-z0-9_-]{0,30}){0,4}")
)
def test_whatever_the_text_is_it_is_read_or_refused(text: str) -> None:
    try:
        read_foreign(text)
    except TokenError:
        return


def test_reading_proves_nothing() -> None:
    token = read_foreign("eyJhbGciOiJIUzI1NiJ9.e30.")
    assert (token.algorithm, token.kid, token.typ, token.claims, token.signature) == ("HS256", None, None, {}, b"")
    assert not proves_by_secret(token, Secret(KEY.decode()))


def test_the_longest_token_is_bounded_before_anything_is_parsed() -> None:
    with pytest.raises(TokenError, match="too long"):
        read_foreign("a" * (LARGEST_FOREIGN_TOKEN + 1))


@pytest.mark.parametrize("algorithm", ["none", "ES256", "hs256", ""])
def test_a_secret_proves_nothing_under_another_algorithm(algorithm: str) -> None:

    token = read_foreign(f"{segment({'alg': algorithm})}.e30.AAAA")
    with pytest.raises(TokenError, match="not an HMAC"):
        proves_by_secret(token, Secret(KEY.decode()))
