"""A file with one realm, a list of realms, a folder of an export."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from idp.realms.files.documents import documents
from idp.realms.files.reading import RealmFileError
from idp.realms.loading import RealmUnreadableError, load_file, load_files
from tests.realms.documents import SURROUNDINGS, demo


def written(path: Path, content: Any) -> Path:
    path.write_text(json.dumps(content))
    return path


def test_a_list_of_realms_is_loaded_one_by_one(tmp_path: Path) -> None:
    path = written(tmp_path / "all.json", [demo(), demo() | {"realm": "other"}])
    loaded = load_files(path, surroundings=SURROUNDINGS)
    assert [found.realm.name for found in loaded] == [demo()["realm"], "other"]


def test_where_one_realm_is_meant_several_are_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "all.json", [demo(), demo()])
    with pytest.raises(RealmUnreadableError, match="2 realms"):
        load_file(path, surroundings=SURROUNDINGS)


def test_a_list_without_a_realm_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RealmFileError, match="no realm"):
        documents(written(tmp_path / "none.json", []))


def test_users_of_a_folder_go_to_their_realm_whatever_the_order_of_the_files(tmp_path: Path) -> None:
    written(tmp_path / "a-users-1.json", {"realm": "a", "users": [{"username": "z"}]})
    written(tmp_path / "a-users-0.json", {"realm": "a", "users": [{"username": "y"}]})
    written(tmp_path / "a-federated-users-0.json", {"realm": "a", "federatedUsers": [{"id": "f"}]})
    written(tmp_path / "a-realm.json", {"realm": "a", "users": [{"username": "x"}]})
    written(tmp_path / "b-realm.json", {"realm": "b"})
    a, b = documents(tmp_path)
    assert [user["username"] for user in a["users"]] == ["x", "y", "z"]
    assert a["federatedUsers"] == [{"id": "f"}]
    assert b == {"realm": "b"}


def test_a_folder_without_a_realm_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RealmFileError, match="no realm file"):
        documents(tmp_path)


@pytest.mark.parametrize("content", ["", "{", b"\xff\xfe", '{"a": 1, "a": 2}'])
def test_what_is_no_json_is_refused_in_words(tmp_path: Path, content: str | bytes) -> None:
    path = tmp_path / "realm.json"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(RealmFileError):
        documents(path)


def test_a_byte_order_mark_is_no_part_of_the_realm(tmp_path: Path) -> None:
    path = tmp_path / "realm.json"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps({"realm": "a"}).encode())
    assert documents(path) == ({"realm": "a"},)
