"""Folders of users: out in files of so many, and in again, one file in memory at a time."""

from __future__ import annotations

import json
import stat
import subprocess
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from idp.cli.main import main
from tests.cli.deployment import Deployment, command, environment
from tests.realms import keycloak_shapes as shapes

Document = dict[str, Any]


class Folders:
    """A deployment without realm files, and folders to take in and to give out."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.deployment = Deployment(folder)
        self.deployment.change(f'files = ["{self.deployment.realm}"]', "files = []")
        self.into, self.out = folder / "in", folder / "out"
        self._capsys = capsys

    def run(self, action: str, *arguments: str, status: int = 0) -> str:
        done = main(["realm", action, *arguments, "--config", str(self.deployment.config)])
        written = self._capsys.readouterr()
        assert done == status, written.err
        return written.out if status == 0 else written.err

    def lay_out(self, *files: list[Document], **realm: Any) -> None:
        self.into.mkdir()
        document = {key: value for key, value in shapes.DOCUMENTS["26.4.5"].items() if key != "users"} | realm
        (self.into / "shop-realm.json").write_text(json.dumps(document))
        for number, users in enumerate(files):
            (self.into / f"shop-users-{number}.json").write_text(json.dumps({"realm": "shop", "users": users}))

    def given(self, number: int) -> list[Document]:
        found: list[Document] = json.loads((self.out / f"shop-users-{number}.json").read_text())["users"]
        return found


@pytest.fixture
def folders(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Folders:
    return Folders(tmp_path, capsys)


def person(number: int, **more: Any) -> Document:
    return {
        "username": f"u{number:05}",
        "email": f"u{number:05}@bank.example",
        "enabled": True,
        "attributes": {"note": ["x" * 1000]},
        **more,
    }


def test_a_folder_of_users_goes_out_as_it_came_in(folders: Folders, tmp_path: Path) -> None:
    folders.lay_out([person(n) for n in range(3)], [person(n) for n in range(3, 5)])
    assert "5 users came; 0 of the file were there already" in folders.run("import", str(folders.into))
    folders.run("export", "shop", "--users", "--users-per-file", "2", "--output", str(folders.out))
    names = sorted(path.name for path in folders.out.iterdir())
    assert names == ["shop-realm.json", *(f"shop-users-{number}.json" for number in range(3))]
    assert [[user["username"] for user in folders.given(n)] for n in range(3)] == [
        ["u00000", "u00001"],
        ["u00002", "u00003"],
        ["u00004"],
    ]
    assert stat.S_IMODE(folders.out.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folders.out.iterdir()} == {0o600}
    assert "0 users came; 5 of the file were there already" in folders.run("import", str(folders.out))
    single = tmp_path / "one.json"
    folders.run("export", "shop", "--users", "--output", str(single))
    whole = json.loads(single.read_text())
    assert whole["users"] == [user for number in range(3) for user in folders.given(number)]
    assert whole == json.loads((folders.out / "shop-realm.json").read_text()) | {"users": whole["users"]}
    assert single.read_text() == json.dumps(whole, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def test_what_goes_into_a_pipe_lies_under_no_name_on_a_disk(folders: Folders, tmp_path: Path) -> None:
    """Tried: a file in the folder for temporary ones, with every secret in it if the process is killed just then."""
    folders.lay_out([person(n, attributes={"note": ["x" * 100_000]}) for n in range(5)])
    folders.run("import", str(folders.into))
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    exporting = subprocess.Popen(  # noqa: S603 - this Python and this project
        command(
            "realm", "export", "shop", "--users", "--secrets", "included", "--config", str(folders.deployment.config)
        ),
        cwd=folders.deployment.folder,
        env=environment() | {"TMPDIR": str(temporary)},
        stdout=subprocess.PIPE,
    )
    with exporting:
        assert exporting.stdout is not None
        assert exporting.stdout.read(1) == b"{"
        exporting.kill()  # it waits for us to read on
    assert list(temporary.iterdir()) == []


def test_a_folder_that_holds_something_is_not_written_into(folders: Folders) -> None:
    folders.lay_out([person(1)])
    folders.run("import", str(folders.into))
    folders.out.mkdir()
    (folders.out / "shop-users-7.json").write_text("{}")
    said = folders.run("export", "shop", "--users", "--users-per-file", "2", "--output", str(folders.out), status=1)
    assert "is not empty" in said
    for contradiction in ((), ("--users", "--output", "x", "--redacted"), ("--users",)):
        said = folders.run("export", "shop", "--users-per-file", "2", *contradiction, status=1)
        assert "--users-per-file N writes a folder" in said
    assert "N from 1" in folders.run("export", "shop", "--users", "--users-per-file", "0", "--output", "x", status=1)


def test_nobody_arrives_before_every_file_was_read(folders: Folders) -> None:
    folders.lay_out([person(1)], [])
    (folders.into / "shop-users-1.json").write_text('{"realm": "shop", "users": [')
    folders.run("import", str(folders.into), status=1)
    (folders.into / "shop-users-1.json").write_text(json.dumps({"realm": "shop", "users": [person(2)]}))
    assert "2 users came" in folders.run("import", str(folders.into))


def test_users_who_stay_out_are_named_by_file_and_place(folders: Folders) -> None:
    document = shapes.DOCUMENTS["26.4.5"]
    client = document["clients"][0] | {"id": "c0ffee"}
    taken, again = person(7, email="U00001@bank.example"), person(8, email="u00006@bank.example")
    powerful = person(9, id=client["clientId"])
    folders.lay_out(
        [person(1), person(2, attributes={"phoneNumber": ["twelve"]})], [taken, person(6), powerful], [again]
    )
    said = folders.run("import", str(folders.into))
    assert "shop-users-0.json: " in said
    assert "/users/1/attributes/phoneNumber/0" in said
    assert "shop-users-1.json: " in said
    assert "“u00007” has the e-mail address of “u00001”" in said
    assert "/users/2/id" in said
    assert "“u00008” has the e-mail address of “u00006”" in said
    assert "3 users came; 0 of the file were there already" in said
    dry = folders.run("import", str(folders.into), "--dry-run")
    assert "“u00007” has the e-mail address of “u00001”" in dry, "the directory is asked before anybody arrives"


def test_an_id_of_two_users_in_two_files_keeps_one_of_them_out_and_nobody_else(folders: Folders) -> None:
    folders.lay_out([person(1, id="7d9c")], [person(2, id="7d9c"), person(3)])
    said = folders.run("import", str(folders.into))
    assert "“u00002” has the id of another user" in said
    assert "2 users came; 0 of the file were there already" in said
    assert "“u00002” has the id of another user" in folders.run("import", str(folders.into), "--dry-run")


def test_a_large_directory_goes_in_and_out_in_bounded_memory(folders: Folders) -> None:
    files, each, note = 12, 20, "x" * 50_000
    wordy = [person(number, attributes={"note": [note]}) for number in range(files * each)]
    folders.lay_out(*(wordy[start : start + each] for start in range(0, len(wordy), each)))
    size = len(wordy) * len(note)
    del wordy
    single = folders.out.with_suffix(".json")
    folders.run("import", str(folders.into), "--dry-run")  # what is loaded once is no part of it
    for action in (
        ("import", str(folders.into)),
        ("export", "shop", "--users", "--output", str(single)),
        ("export", "shop", "--users", "--users-per-file", str(each), "--output", str(folders.out)),
    ):
        tracemalloc.start()
        folders.run(*action)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < size * 0.7, action
    assert len(json.loads(single.read_text())["users"]) == files * each
