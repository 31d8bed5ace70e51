"""The command line: what it says and how it ends."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from socket import create_server

import pytest

from idp import __version__
from idp.cli.main import main
from tests.cli.deployment import Deployment, command, environment
from tests.logs import log_put_back

ROOT = Path(__file__).parents[2]
DEMO = [str(ROOT / "realms" / f"{name}.json") for name in ("small-business", "sme-corporate")]
Capture = pytest.CaptureFixture[str]


@pytest.fixture
def deployment(tmp_path: Path) -> Deployment:
    return Deployment(tmp_path)


def refusal(capsys: Capture, config: Path) -> str:
    """Return what `idp serve` says when it does not start: one line on standard error, and no traceback."""
    with log_put_back():
        assert main(["serve", "--config", str(config)]) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("idp: ")
    assert "Traceback" not in told.err
    return told.err


def line(capsys: Capture, config: Path) -> str:
    told = refusal(capsys, config)
    assert told.count("\n") == 1
    assert told.endswith(".\n") or told.rstrip().endswith("stop it first.") or "chmod 600" in told
    return told


def test_the_version_is_told(capsys: Capture) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"hyrja {__version__}\n"


def test_whoever_has_read_enough_is_no_error() -> None:
    config = str(ROOT / "config" / "production.toml")
    with subprocess.Popen(  # noqa: S603 - this Python and this project
        command("settings", "--config", config), env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as told:
        assert told.stdout is not None
        told.stdout.close()
        assert told.stderr is not None
        assert told.stderr.read() == b""
    assert told.returncode == 141


def test_the_installed_command_and_the_module_are_one() -> None:
    scripts = [[str(Path(sys.executable).with_name("idp")), "--version"], command("--version")]
    answers = [
        subprocess.run(script, env=environment(), capture_output=True, text=True, check=True).stdout  # noqa: S603
        for script in scripts
        if Path(script[0]).exists()  # the command is there where the package is installed
    ]
    assert set(answers) == {f"hyrja {__version__}\n"}


def test_without_a_command_the_help_is_shown(capsys: Capture) -> None:
    assert main([]) == 2
    told = capsys.readouterr().err
    for name in ("serve", "demo", "realm"):
        assert name in told


@pytest.mark.parametrize("arguments", [["serve"], ["realm"], ["realm", "check"], ["nonsense"], ["serve", "--colour"]])
def test_wrong_arguments_are_told_with_the_usage(capsys: Capture, arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert "usage: idp" in capsys.readouterr().err


def test_the_realms_of_the_demo_start(capsys: Capture) -> None:
    assert main(["realm", "check", *DEMO]) == 0
    told = capsys.readouterr().out
    assert told.count("This realm starts.") == 2
    assert told.count("acknowledged F-25-2-c-i") == 2
    assert "error" not in told


def test_the_check_is_read_by_machines(capsys: Capture) -> None:
    assert main(["realm", "check", "--json", *DEMO]) == 0
    told = json.loads(capsys.readouterr().out)
    assert list(told) == DEMO
    for (finding,) in told.values():
        assert finding["rule"] == "F-25-2-c-i"
        assert finding["severity"] == "acknowledged"
        assert {"rule", "severity", "pointer", "problem", "repair", "why", "references", "line"} <= set(finding)


def test_a_realm_that_would_not_start_is_a_failure_with_every_finding(deployment: Deployment, capsys: Capture) -> None:
    document = json.loads(deployment.realm.read_text())
    document |= {"otpPolicyDigits": 7, "failureFactor": 6, "browserFlow": "nowhere"}
    deployment.realm.write_text(json.dumps(document))
    assert main(["realm", "check", str(deployment.realm), *DEMO]) == 1
    told = capsys.readouterr().out
    assert "2 error(s): this realm does not start." in told
    assert told.count("This realm starts.") == 2
    for rule in ("R-OTP", "B-FACTOR", "F-UNKNOWN-FLOW"):
        assert rule in told
    assert told.index("R-OTP") < told.index("B-FACTOR"), "what matters most comes first"
    assert main(["realm", "check", "--json", str(deployment.realm)]) == 1
    severities = [finding["severity"] for finding in json.loads(capsys.readouterr().out)[str(deployment.realm)]]
    assert severities == ["error", "error", "warning", "acknowledged"]


def test_warnings_alone_do_not_fail_the_check(deployment: Deployment, capsys: Capture) -> None:
    document = json.loads(deployment.realm.read_text())
    deployment.realm.write_text(json.dumps(document | {"failureFactor": 9}))
    assert main(["realm", "check", str(deployment.realm)]) == 0
    assert "warning" in capsys.readouterr().out


@pytest.mark.parametrize("content", [None, b"{", b"[]", b"\xff", b'{"realm": "a", "realm": "b"}'])
def test_a_file_that_is_no_realm_is_a_finding_and_no_traceback(
    tmp_path: Path, capsys: Capture, content: bytes | None
) -> None:
    path = tmp_path / "realm.json"
    if content is not None:
        path.write_bytes(content)
    assert main(["realm", "check", str(path)]) == 1
    told = capsys.readouterr()
    assert "this realm does not start" in told.out
    assert told.err == ""


def test_the_check_takes_variables_from_the_environment(
    deployment: Deployment, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = deployment.realm.read_text().replace("${env.BANK_URL:http://localhost:8090}", "${env.BANK_URL}")
    deployment.realm.write_text(text)
    monkeypatch.delenv("BANK_URL", raising=False)
    assert main(["realm", "check", str(deployment.realm)]) == 1
    assert "R-ENVIRONMENT" in capsys.readouterr().out
    monkeypatch.setenv("BANK_URL", "https://bank.example")
    assert main(["realm", "check", str(deployment.realm)]) == 0


def test_the_text_of_a_realm_is_never_taken_for_markup(deployment: Deployment, capsys: Capture) -> None:
    document = json.loads(deployment.realm.read_text())
    document["[bold]\x1b[31m"] = 1
    deployment.realm.write_text(json.dumps(document))
    assert main(["realm", "check", str(deployment.realm)]) == 0
    told = capsys.readouterr().out
    assert "[bold]" in told
    assert "\x1b" not in told


def test_a_missing_configuration_is_one_line(tmp_path: Path, capsys: Capture) -> None:
    assert "none.toml cannot be read" in line(capsys, tmp_path / "none.toml")


def test_a_configuration_that_is_not_toml_is_one_line(deployment: Deployment, capsys: Capture) -> None:
    deployment.change("[server]", "[server")
    assert "is not TOML" in line(capsys, deployment.config)


def test_an_unknown_key_is_one_line(deployment: Deployment, capsys: Capture) -> None:
    deployment.change("port = ", "prot = ")
    assert "unknown field `prot`" in line(capsys, deployment.config)


def test_a_taken_port_is_one_line(deployment: Deployment, capsys: Capture) -> None:
    with create_server(("127.0.0.1", deployment.port)):
        told = line(capsys, deployment.config)
    assert f"Port {deployment.port} on 127.0.0.1 cannot be used" in told
    assert not (deployment.folder / "store").exists()


def test_an_address_that_is_not_ours_is_one_line(deployment: Deployment, capsys: Capture) -> None:
    deployment.change("[store]", 'host = "203.0.113.1"\n[store]')
    assert "cannot be used" in line(capsys, deployment.config)


def test_a_missing_master_key_is_one_line_and_no_new_key(deployment: Deployment, capsys: Capture) -> None:
    deployment.key.unlink()
    assert "is missing. Restore it" in line(capsys, deployment.config)
    assert not deployment.key.exists()


def test_a_master_key_that_others_may_read_is_one_line(deployment: Deployment, capsys: Capture) -> None:
    deployment.key.chmod(0o644)
    assert "Run: chmod 600" in line(capsys, deployment.config)


def test_a_master_key_that_is_none_is_one_line_that_does_not_show_it(deployment: Deployment, capsys: Capture) -> None:
    deployment.key.write_text("a-short-key")
    assert "a-short-key" not in line(capsys, deployment.config)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param('path = "', 'path = "{file}/x/', id="store"),
        pytest.param('outbox_file = "', 'outbox_file = "{file}/x/', id="outbox"),
        pytest.param('[log]\nfile = "', '[log]\nfile = "{file}/x/', id="log"),
        pytest.param('master_key_files = ["', 'create_master_key = true\nmaster_key_files = ["{file}/x/', id="key"),
    ],
)
def test_a_directory_that_cannot_be_made_is_one_line(
    deployment: Deployment, capsys: Capture, old: str, new: str
) -> None:
    file = deployment.folder / "a file"
    file.touch()
    deployment.change(old, new.replace("{file}", str(file)))
    assert str(file) in line(capsys, deployment.config)


def test_an_outbox_that_cannot_be_read_is_one_line(deployment: Deployment, capsys: Capture) -> None:
    deployment.outbox.mkdir()
    assert "sms.outbox_file" in line(capsys, deployment.config)


def test_a_store_that_is_no_store_is_one_line(deployment: Deployment, capsys: Capture) -> None:
    store = deployment.folder / "store" / "hyrja.sqlite"
    store.parent.mkdir()
    store.write_bytes(b"this is no database" * 100)
    told = refusal(capsys, deployment.config)
    assert told.count("\n") == 1
    assert "is damaged or is no SQLite file" in told


def test_a_realm_with_errors_is_told_with_every_error(deployment: Deployment, capsys: Capture) -> None:
    document = json.loads(deployment.realm.read_text())
    deployment.realm.write_text(json.dumps(document | {"otpPolicyDigits": 7, "browserFlow": "nowhere"}))
    told = refusal(capsys, deployment.config)
    assert "The realms do not start" in told
    assert "[R-OTP]" in told
    assert "[F-UNKNOWN-FLOW]" in told
    assert "warning" not in told


def test_what_a_start_complains_about_is_not_obeyed_by_the_terminal(deployment: Deployment, capsys: Capture) -> None:
    document = json.loads(deployment.realm.read_text())
    deployment.realm.write_text(json.dumps(document | {"browserFlow": "\x1b[31mnowhere"}))
    assert "\x1b" not in refusal(capsys, deployment.config)


def test_a_secret_that_the_vault_does_not_have_is_told_with_the_name_of_its_file(
    deployment: Deployment, capsys: Capture
) -> None:
    (deployment.folder / "vault" / "small-business_cards").unlink()
    assert "small-business_cards" in refusal(capsys, deployment.config)


def test_nothing_of_a_start_that_failed_stands_in_the_way_of_the_next(deployment: Deployment, capsys: Capture) -> None:
    main = '[sms.main]\nurl = "https://a.example"\nbody = { to = "{to}" }\nsecret_file = "gone"\n'
    deployment.change('gateway = "outbox"', 'gateway = "configured"')
    deployment.change("[log]", f"{main}[log]")
    for _ in range(2):
        assert "sms.main.secret_file cannot be read" in line(capsys, deployment.config)
