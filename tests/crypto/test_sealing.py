from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.crypto.sealing import AesGcmSealer, MasterKeyError, create_master_key, read_master_keys

OLD, NEW = b"o" * 32, b"n" * 32


@given(plaintext=st.binary(max_size=200), purpose=st.text(max_size=30))
def test_what_was_sealed_opens_with_the_same_purpose(plaintext: bytes, purpose: str) -> None:
    sealer = AesGcmSealer([NEW])
    assert sealer.unseal(sealer.seal(plaintext, purpose=purpose), purpose=purpose) == plaintext


def test_a_sealed_value_does_not_open_for_another_purpose() -> None:
    sealer = AesGcmSealer([NEW])
    sealed = sealer.seal(b"seed of ana", purpose="otp/ana")
    with pytest.raises(ValueError, match="altered"):
        sealer.unseal(sealed, purpose="otp/ben")


@pytest.mark.parametrize("position", [0, 1, 5, 16, 17, -1])
def test_one_changed_bit_anywhere_is_noticed(position: int) -> None:
    sealer = AesGcmSealer([NEW])
    sealed = bytearray(sealer.seal(b"value", purpose="p"))
    sealed[position] ^= 1
    with pytest.raises(ValueError, match=r"altered|version|configured"):
        sealer.unseal(bytes(sealed), purpose="p")


def test_a_short_value_is_refused() -> None:
    with pytest.raises(ValueError, match="not a sealed value"):
        AesGcmSealer([NEW]).unseal(b"\x01abc", purpose="p")


def test_the_first_key_seals_and_every_key_opens() -> None:
    before = AesGcmSealer([OLD]).seal(b"value", purpose="p")
    both = AesGcmSealer([NEW, OLD])
    assert both.unseal(before, purpose="p") == b"value"
    after = both.seal(b"value", purpose="p")
    assert AesGcmSealer([NEW]).unseal(after, purpose="p") == b"value"
    with pytest.raises(ValueError, match="not configured"):
        AesGcmSealer([OLD]).unseal(after, purpose="p")


def test_the_same_text_seals_differently_each_time() -> None:
    sealer = AesGcmSealer([NEW])
    assert sealer.seal(b"value", purpose="p") != sealer.seal(b"value", purpose="p")


@pytest.mark.parametrize("keys", [[], [b"short"], [NEW, b"x" * 31]])
def test_a_sealer_needs_keys_of_the_right_size(keys: list[bytes]) -> None:
    with pytest.raises(MasterKeyError):
        AesGcmSealer(keys)


def test_a_created_master_key_is_private_and_reads_back(tmp_path: Path) -> None:
    path = tmp_path / "master.key"
    create_master_key(path, random=lambda size: b"k" * size)
    assert path.stat().st_mode & 0o777 == 0o600
    assert read_master_keys([path]) == [b"k" * 32]


def test_a_master_key_is_never_replaced(tmp_path: Path) -> None:
    path = tmp_path / "master.key"
    create_master_key(path)
    before = path.read_bytes()
    with pytest.raises(MasterKeyError, match="already exists"):
        create_master_key(path)
    assert path.read_bytes() == before


def test_a_missing_master_key_is_named(tmp_path: Path) -> None:
    with pytest.raises(MasterKeyError, match=r"master\.key is missing"):
        read_master_keys([tmp_path / "master.key"])


def test_a_master_key_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(MasterKeyError, match="cannot be created"):
        create_master_key(tmp_path / "nowhere" / "master.key")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o620])
def test_a_master_key_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "master.key"
    create_master_key(path)
    path.chmod(mode)
    with pytest.raises(MasterKeyError, match="chmod 600"):
        read_master_keys([path])


@pytest.mark.parametrize("text", ["", "c2hvcnQ", "!" * 43, "A" * 64, "A" * 45])
def test_a_master_key_of_the_wrong_length_is_refused_without_showing_it(tmp_path: Path, text: str) -> None:
    path = tmp_path / "master.key"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(MasterKeyError, match="exactly 32 bytes") as caught:
        read_master_keys([path])
    assert not text or text not in str(caught.value)
