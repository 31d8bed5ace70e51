"""A realm file → a realm and its users, or everything that is wrong with it, at once."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from idp.model.finding import Finding, Severity
from idp.model.realm import Realm
from idp.model.struct import Frozen
from idp.realms.acknowledgement import acknowledged
from idp.realms.building import realm_of
from idp.realms.files import reading
from idp.realms.files.documents import documents, only
from idp.realms.files.legacy import modern
from idp.realms.files.placeholders import Surroundings, filled
from idp.realms.representation import realm as file
from idp.realms.review.people import people_findings
from idp.realms.rules import realm_findings
from idp.realms.users.seeds import UserSeed, admitted, user_seeds


class LoadedRealm(Frozen, frozen=True, kw_only=True):
    """What a realm file says. `document` is its canonical JSON without the users: what a version is made of.

    `representation` is the file as it was read, by which clients that register later are built.
    """

    realm: Realm
    representation: file.Realm
    users: tuple[UserSeed, ...]
    document: bytes
    findings: tuple[Finding, ...]


class RealmUnreadableError(Exception):
    """The file has errors that leave no realm to speak of; `findings` say which."""

    def __init__(self, findings: tuple[Finding, ...]) -> None:
        super().__init__("\n".join(str(finding) for finding in findings))
        self.findings = findings


def load_files(path: Path, *, surroundings: Surroundings) -> tuple[LoadedRealm, ...]:
    """Load the realms of a file (one, or a list of them) or of a folder that Keycloak exported into.

    Raises:
        RealmUnreadableError: there is no such file, it is not JSON, or not the shape of a realm.

    """
    with _refusing():
        return tuple(_loaded(document, surroundings) for document in documents(path))


def load_file(path: Path, *, surroundings: Surroundings) -> LoadedRealm:
    """Load the one realm of a file or folder (see `load_files`); several are a `RealmUnreadableError`, too."""
    with _refusing():
        return _loaded(only(documents(path)), surroundings)


def load(text: str, *, surroundings: Surroundings) -> LoadedRealm:
    """Load the text of a realm file (see `load_file`)."""
    with _refusing():
        return _loaded(reading.parse(text), surroundings)


def load_users(
    loaded: LoadedRealm, users: Sequence[Any], *, surroundings: Surroundings
) -> tuple[tuple[UserSeed, ...], tuple[Finding, ...]]:
    """Read more users of a realm, as strictly as those of its own document; return those who can arrive, and findings.

    Pointers begin with `/users`, as if these were all.
    """
    findings: list[Finding] = []
    written = {"realm": loaded.realm.name, "users": list(users)}
    found = reading.read(modern(filled(written, surroundings, findings)), file.Realm, findings)
    assert found is not None, "it has a name"
    seeds = _seeds(found, loaded.realm, findings)
    findings.extend(people_findings(msgspec.structs.replace(loaded.representation, users=found.users)))
    told = acknowledged([finding for finding in findings if finding.pointer.startswith("/users")], loaded.realm)
    return admitted(seeds, told), told


@contextlib.contextmanager
def _refusing() -> Iterator[None]:
    try:
        yield
    except reading.RealmFileError as error:
        raise RealmUnreadableError((_unreadable(f"The file {error}"),)) from None
    except RecursionError:  # In the parser, or in what walks over its result: their bounds differ.
        raise RealmUnreadableError((_unreadable("The file is nested too deeply to be a realm."),)) from None


def _loaded(document: Any, surroundings: Surroundings) -> LoadedRealm:
    findings: list[Finding] = []
    found = reading.read(modern(filled(document, surroundings, findings)), file.Realm, findings)
    if found is None:
        raise RealmUnreadableError(tuple(findings))
    canonical = canonical_document(document)
    realm = realm_of(found, version=hashlib.sha256(canonical).hexdigest(), surroundings=surroundings, findings=findings)
    users = user_seeds(found.users, findings, kinds=realm.sms.number_kinds, duplicate_emails=realm.duplicate_emails)
    findings.extend(realm_findings(found, realm, users))
    return LoadedRealm(
        realm=realm,
        representation=found,
        users=users,
        document=canonical,
        findings=acknowledged(findings, realm),
    )


def _seeds(found: file.Realm, realm: Realm, findings: list[Finding]) -> tuple[UserSeed, ...]:
    return user_seeds(found.users, findings, kinds=realm.sms.number_kinds, duplicate_emails=realm.duplicate_emails)


def canonical_document(document: Mapping[str, Any]) -> bytes:
    """Return the configuration without its users: the same text for the same meaning."""
    kept = {key: value for key, value in document.items() if key != "users"}
    return json.dumps(kept, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()


def errors(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """Return the findings with which a realm does not start."""
    return tuple(finding for finding in findings if finding.severity is Severity.ERROR)


def _unreadable(problem: str) -> Finding:
    return Finding(
        rule="R-FILE",
        severity=Severity.ERROR,
        pointer="",
        problem=problem,
        repair="Give a realm file in Keycloak's JSON.",
    )
