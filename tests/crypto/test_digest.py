from __future__ import annotations

from idp.crypto.digest import digest, same


def test_a_digest_is_unpadded_base64url_sha256() -> None:
    assert digest("abc") == "ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0"


def test_only_equal_texts_are_the_same() -> None:
    assert same("së", "së")
    assert not same("a", "b")
    assert not same("a", "ab")
