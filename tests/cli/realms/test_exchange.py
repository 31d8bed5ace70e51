"""`idp realm import` and `idp realm export`: realms of Keycloak come in, and go out as they came."""

from __future__ import annotations

import asyncio
import base64
import copy
import json
import stat
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pyotp
import pytest

from idp.cli.main import main
from idp.opening.beside import versions_beside
from idp.realms.exchange.secret_places import MASK
from idp.realms.history import Authorship
from idp.realms.loading import canonical_document
from idp.settings.loading import load
from tests.cli.deployment import Deployment
from tests.patience import PATIENCE
from tests.realms import keycloak_shapes as shapes

Document = dict[str, Any]
CONFIDENTIAL = {
    "clientId": "back-office",
    "secret": "the secret of the back office, long enough",
    "redirectUris": ["https://office.example/callback"],
}
STRANGE = {"a key that nobody knows": {"of": ["any", "shape", 1, True, None]}}


def shop(**more: Any) -> Document:
    return copy.deepcopy(shapes.DOCUMENTS["26.4.5"]) | copy.deepcopy(more)


class Shop:
    """A deployment without realm files, and a file to import."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.deployment = Deployment(folder)
        self.deployment.change(f'files = ["{self.deployment.realm}"]', "files = []")
        self.file = folder / "shop.json"
        self.output = folder / "out.json"
        self._capsys = capsys

    def take(self, document: Any, *arguments: str, status: int = 0) -> str:
        """Import a document; return what was said."""
        self.file.write_text(json.dumps(document), encoding="utf-8")
        return self.run("import", str(self.file), *arguments, status=status)

    def give(self, *arguments: str) -> Document:
        """Export the realm."""
        self.run("export", "shop", "--output", str(self.output), *arguments)
        found: Document = json.loads(self.output.read_text(encoding="utf-8"))
        return found

    def run(self, action: str, *arguments: str, status: int = 0) -> str:
        done = main(["realm", action, *arguments, "--config", str(self.deployment.config)])
        written = self._capsys.readouterr()
        assert done == status, written.err
        return written.out if status == 0 else written.err


@pytest.fixture
def there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Shop:
    return Shop(tmp_path, capsys)


def without_users(document: Document) -> Document:
    return {key: value for key, value in document.items() if key != "users"}


def test_what_was_imported_is_exported_unchanged_with_its_unknown_keys(there: Shop) -> None:
    document = shop(**STRANGE, clients=[CONFIDENTIAL])
    said = there.take(document)
    assert "Published as" in said
    assert "1 users came" in said
    assert there.give("--secrets", "included") == without_users(document)


def test_an_export_is_masked_unless_secrets_are_asked_for_and_readable_by_one_alone(there: Shop) -> None:
    there.take(shop(clients=[CONFIDENTIAL]))
    assert there.give()["clients"][0]["secret"] == MASK
    assert stat.S_IMODE(there.output.stat().st_mode) == 0o600


def test_users_come_back_with_credentials_that_still_verify(there: Shop, tmp_path: Path) -> None:
    there.take(shop())
    document = there.give("--users", "--secrets", "included")
    (ada,) = document["users"]
    kinds = {credential["type"]: json.loads(credential["secretData"]) for credential in ada["credentials"]}
    original = {c["type"]: json.loads(c["secretData"]) for c in shop()["users"][0]["credentials"]}
    assert kinds["password"]["value"] == original["password"]["value"]
    assert pyotp.TOTP(kinds["otp"]["value"]).at(0) == pyotp.TOTP(_base32(shapes.TOKEN_KEY)).at(0)
    other = tmp_path / "other"
    other.mkdir()
    again = Shop(other, there._capsys)
    assert "1 users came" in again.take(document)
    (same,) = again.give("--users", "--secrets", "included")["users"]
    assert [_verified_by(c) for c in same["credentials"]] == [_verified_by(c) for c in ada["credentials"]]
    assert {key: same[key] for key in same if key != "credentials"} == {k: ada[k] for k in ada if k != "credentials"}


def _verified_by(credential: Document) -> tuple[Any, ...]:
    return (credential["type"], json.loads(credential["secretData"]), json.loads(credential["credentialData"]))


def _base32(text: str) -> str:
    return base64.b32encode(text.encode()).decode().rstrip("=")


def test_masked_users_carry_nothing_that_verifies(there: Shop) -> None:
    there.take(shop())
    (ada,) = there.give("--users")["users"]
    assert ada["username"] == "ada"
    assert all(MASK in credential["secretData"] for credential in ada["credentials"])


def test_a_redacted_export_has_fingerprints_and_no_person(there: Shop) -> None:
    same = CONFIDENTIAL | {"clientId": "twin"}
    there.take(shop(clients=[CONFIDENTIAL, same, CONFIDENTIAL | {"clientId": "other", "secret": "another one " * 3}]))
    first = there.give("--redacted", "--users")
    one, twin, other = (client["secret"] for client in first["clients"])
    assert one == twin != other
    assert one.startswith("fingerprint:")
    assert "users" not in first
    assert '"ada' not in json.dumps(first), "hexadecimal can say ada as well"
    assert there.give("--redacted") == first, "the key is the realm's: two exports can be compared"


def test_a_masked_secret_keeps_the_live_one(there: Shop) -> None:
    there.take(shop(clients=[CONFIDENTIAL]))
    masked = there.give()
    masked["displayName"] = "The shop"
    there.take(masked)
    found = there.give("--secrets", "included")
    assert found["displayName"] == "The shop"
    assert found["clients"][0]["secret"] == CONFIDENTIAL["secret"]


def test_a_new_client_with_a_masked_secret_gets_one_and_is_reported(there: Shop) -> None:
    said = there.take(shop(clients=[CONFIDENTIAL | {"secret": MASK}]))
    assert "back-office" in said
    secret = there.give("--secrets", "included")["clients"][0]["secret"]
    assert len(secret) >= 40
    assert secret not in said


def test_a_client_that_cannot_run_here_is_kept_and_not_served(there: Shop) -> None:
    document = shop(clients=[shapes.CLIENT, CONFIDENTIAL | {"attributes": {"default.max.age": "soon"}}])
    said = there.take(document)
    assert "/clients/1/attributes/default.max.age" in said
    assert there.give("--secrets", "included")["clients"] == document["clients"]


def test_what_is_kept_without_effect_is_told_with_its_effect(there: Shop) -> None:
    saml = {"clientId": "payroll", "protocol": "saml", "redirectUris": ["x"]}
    directory = {"org.keycloak.storage.UserStorageProvider": [{"providerId": "ldap", "name": "staff", "config": {}}]}
    said = there.take(shop(clients=[shapes.CLIENT, saml], components=directory, **STRANGE))
    lines = [line.split()[0] for line in said.splitlines() if line.startswith("  /")]
    assert "/clients/1/protocol" in lines
    assert "/components/org.keycloak.storage.UserStorageProvider" in lines
    assert "nobody logs in for it here" in said
    assert "cannot log in" in said
    assert "a key that nobody knows" in said


def test_an_import_over_a_realm_of_the_settings_starts_from_its_file(there: Shop) -> None:
    deployment = there.deployment
    deployment.change("files = []", f'files = ["{deployment.realm}"]')
    with deployment.serving():
        document = json.loads(deployment.realm.read_text(encoding="utf-8"))
        document["displayName"] = "Renamed by an import"
        assert "Published as" in there.take(document)
    there.run("export", "small-business", "--secrets", "included", "--output", str(there.output))
    assert json.loads(there.output.read_text(encoding="utf-8")) == without_users(document)


def test_a_flow_that_cannot_run_is_refused_with_its_place(there: Shop) -> None:
    document = shop()
    forms = next(flow for flow in document["authenticationFlows"] if flow["alias"] == "forms")
    forms["authenticationExecutions"].append(shapes.line("face-at-the-counter", "REQUIRED", 30))
    said = there.take(document, status=1)
    assert "face-at-the-counter" in said
    assert "/authenticationFlows/1/authenticationExecutions/2" in said


def test_a_dry_run_changes_nothing(there: Shop) -> None:
    there.take(shop())
    before = there.give()
    assert "Nothing was changed" in there.take(shop(displayName="other"), "--dry-run")
    assert there.give() == before


def published(there: Shop, change: Document) -> None:
    """Change the live realm as an administrator does, beside the files."""

    async def work() -> None:
        settings = load(there.deployment.config, environment={})
        async with versions_beside(settings, realm="shop", clock=time.time) as (history, _):  # noqa: TID251 - a real deployment, with real time
            latest = await history.latest()
            assert latest is not None
            live = json.loads(await history.document(latest.version) or b"")
            authorship = Authorship(author="Drita", reason="A change of the live realm.")
            await history.publish(canonical_document(live | change), authorship, base=latest.version)

    asyncio.run(work())


def test_the_next_import_takes_what_changed_in_the_file_and_keeps_what_changed_here(there: Shop) -> None:
    there.take(shop())
    published(there, {"displayName": "changed here"})
    there.take(shop(accessTokenLifespan=60))
    found = there.give()
    assert (found["displayName"], found["accessTokenLifespan"]) == ("changed here", 60)
    there.take(shop(accessTokenLifespan=90))
    found = there.give()
    assert (found["displayName"], found["accessTokenLifespan"]) == ("changed here", 90), "and so does the one after it"


def test_where_both_changed_a_place_somebody_must_say_who_is_right(there: Shop) -> None:
    there.take(shop())
    published(there, {"displayName": "changed here"})
    file = shop(displayName="changed there")
    assert "  /displayName" in there.take(file, status=1).splitlines()
    assert there.give()["displayName"] == "changed here"
    there.take(file, "--ours")
    assert there.give()["displayName"] == "changed here"
    there.take(file)
    assert there.give()["displayName"] == "changed here", "what was decided stays decided"
    there.take(shop(displayName="changed there again"), "--theirs")
    assert there.give()["displayName"] == "changed there again"


def test_an_import_that_says_what_is_live_publishes_nothing(there: Shop) -> None:
    there.take(shop())
    said = there.take(shop())
    assert "Nothing to publish" in said
    assert "0 users came; 1 of the file were there already" in said


def test_users_who_are_there_are_never_touched(there: Shop) -> None:
    there.take(shop())
    changed = shop()
    changed["users"][0] |= {"email": "somebody.else@example.al", "credentials": []}
    there.take(changed)
    (ada,) = there.give("--users")["users"]
    assert ada["email"] == "ada@example.al"
    assert len(ada["credentials"]) == 2


def test_one_realm_of_several_is_chosen_by_name_and_one_alone_is_renamed(there: Shop) -> None:
    there.take([shop(), shop(realm="other")], "--realm", "shop")
    assert there.give()["realm"] == "shop"
    assert "holds no realm “third”" in there.take([shop(), shop(realm="other")], "--realm", "third", status=1)
    there.take(shop(realm="theirs"), "--realm", "shop")
    assert there.give()["realm"] == "shop"


def test_a_file_is_redacted_without_a_deployment(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "realm.json"
    path.write_text(json.dumps(shop(clients=[CONFIDENTIAL])), encoding="utf-8")
    assert main(["realm", "export", str(path), "--redacted"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["clients"][0]["secret"].startswith("fingerprint:")
    assert "users" not in found


@pytest.mark.parametrize("content", ["{", "[1]", "{}", '"text"', '{"realm": "shop", "clients": 7, "users": {}}'])
def test_what_is_no_realm_is_refused_in_a_sentence(there: Shop, content: str) -> None:
    there.file.write_text(content, encoding="utf-8")
    assert there.run("import", str(there.file), status=1).startswith("idp realm import: ")


def test_a_realm_that_was_imported_is_served_and_follows_the_next_import(there: Shop) -> None:
    there.take(shop())
    there.deployment.change("files = []", f'files = ["{there.deployment.realm}"]')
    with there.deployment.serving():
        assert "code" in asyncio.run(_logged_in(there))
        there.take(shop(displayName="A new name"))
        pages = (asyncio.run(_first_page(there)) for _ in range(int(PATIENCE * 10)))
        assert any("A new name" in page for page in pages), "the running server never followed"


def _request(there: Shop) -> str:
    asked = {"client_id": "app", "redirect_uri": "http://localhost:8090/app/callback", "response_type": "code"}
    proof = {"code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", "code_challenge_method": "S256"}
    query = urlencode({**asked, **proof, "scope": "openid"})
    return f"{there.deployment.origin}/realms/shop/protocol/openid-connect/auth?{query}"


async def _logged_in(there: Shop) -> Document:
    browser = there.deployment.browser()
    await browser.open(_request(there))
    await browser.submit("kc-form-login", username="ada", password=shapes.PASSWORD)
    await browser.submit("kc-otp-login-form", otp=pyotp.TOTP(_base32(shapes.TOKEN_KEY)).now())
    return dict(browser.answer)


async def _first_page(there: Shop) -> str:
    page = await there.deployment.browser().open(_request(there))
    await asyncio.sleep(0.1)
    return page.html


def test_a_realm_that_is_not_there_is_no_export(there: Shop) -> None:
    there.take(shop())
    assert "There is no realm “other”" in there.run("export", "other", status=1)


def test_an_output_that_cannot_be_written_is_told(there: Shop) -> None:
    there.take(shop())
    said = there.run("export", "shop", "--output", str(there.output / "nowhere.json"), status=1)
    assert "cannot be written" in said


def test_what_went_in_and_out_is_recorded(there: Shop) -> None:
    there.take(shop(), "--author", "Drita", "--reason", "From Keycloak")
    there.give("--users", "--secrets", "included")

    async def recorded() -> list[tuple[str, Document]]:
        settings = load(there.deployment.config, environment={})
        async with versions_beside(settings, realm="shop", clock=time.time) as (_, stores):  # noqa: TID251 - the same
            return [(event.type, event.detail) for event in await stores.events.recent(limit=10)]

    events = dict(asyncio.run(recorded()))
    assert events["REALM_IMPORTED"].items() >= {"author": "Drita", "reason": "From Keycloak", "users": "1"}.items()
    assert events["REALM_EXPORTED"].items() >= {"secrets": "included", "users": "1"}.items()
