"""Keys and recovery codes that Keycloak enrolled keep working, and go out of the house as they came in."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

import pytest

from idp.flows.credentials.recovery_codes import matches
from idp.flows.credentials.sealed import recovery_code_purpose
from idp.flows.customers.user_files import UserFiles
from idp.flows.step import Challenge, Success
from idp.flows.steps.recovery_code import RecoveryCode
from idp.flows.steps.webauthn import Passkey
from idp.flows.tree import Execution
from idp.model.finding import Severity
from idp.model.flow import Requirement
from idp.model.user import User
from tests.authenticator import SoftwareKey, text
from tests.flows.bench import Bench, loaded

pytestmark = pytest.mark.anyio

HERE = Execution(id="here", authenticator="x", requirement=Requirement.REQUIRED)
USER_ID = "5b6c7d8e-0000-4000-8000-000000000001"
CODES = ["A1B2C3D4E5F6", "G7H8J9K1L2M3"]


def key_of(key: SoftwareKey, kind: str = "webauthn-passwordless", **changed: Any) -> dict[str, Any]:
    described = {
        "aaguid": "00000000-0000-0000-0000-000000000000",
        "credentialId": base64.b64encode(key.key_id).decode(),
        "counter": 4,
        "attestationStatement": None,
        "credentialPublicKey": text(key._public_key()),
        "attestationStatementFormat": "none",
        "transports": ["INTERNAL"],
        **changed,
    }
    described_as = {"userLabel": "Telefoni", "createdDate": 1_700_000_000_000, "secretData": "{}"}
    return {"id": "key-1", "type": kind, **described_as, "credentialData": json.dumps(described)}


def codes_of(*codes: str, **changed: Any) -> dict[str, Any]:
    hashed = [base64.b64encode(hashlib.sha512(code.encode()).digest()).decode() for code in codes]
    secret = {"codes": [{"number": n, "encodedHashedValue": value} for n, value in enumerate(hashed, start=3)]}
    described = {"hashIterations": 1, "algorithm": "RS512", "totalCodes": 12, "remainingCodes": len(codes), **changed}
    return {
        "type": "recovery-authn-codes",
        "secretData": json.dumps(secret),
        "credentialData": json.dumps(described),
    }


async def arrived(*credentials: dict[str, Any]) -> tuple[Bench, User]:
    """Let the bench's user come out of a realm file."""
    bench = Bench()
    found = loaded(lambda document: document["users"][0].update(id=USER_ID, credentials=list(credentials)))
    await bench.newcomers(found.realm).arrive(found.users[:1])
    user = await bench.stores.users.by_id(USER_ID)
    assert user is not None
    return bench, user


async def test_a_passkey_of_keycloak_logs_its_user_in() -> None:
    key = SoftwareKey()
    key.counter, key.user_handle = 4, USER_ID.encode()
    bench, user = await arrived(key_of(key))
    (kept,) = user.passkeys
    assert (kept.label, kept.created_at, kept.counter, kept.transports) == ("Telefoni", 1_700_000_000, 4, ("internal",))
    assert kept.backup_eligible is None, "Keycloak does not keep it"
    step = Passkey(HERE, Passkey.config_type(), realm=loaded().realm, services=bench.services)
    login = bench.login(None, answers=0)
    page = await step.challenge(login)
    assert isinstance(page, Challenge)
    outcome = await step.verify(bench.login(None, answers=1), key.get(page.fields["request"]))
    assert isinstance(outcome, Success)
    assert outcome.user_id == USER_ID
    after = await bench.stores.users.by_id(USER_ID)
    assert after is not None
    assert after.passkeys[0].backup_eligible is False, "its next use told"


async def test_codes_of_keycloak_are_asked_for_by_their_numbers_and_good_once() -> None:
    bench, user = await arrived(codes_of(*CODES))
    step = RecoveryCode(HERE, RecoveryCode.config_type(), realm=loaded().realm, services=bench.services)
    page = await step.challenge(bench.login(user))
    assert isinstance(page, Challenge)
    assert page.fields["number"] == 3
    for answer, right in (("G7H8J9K1L2M3", False), ("a1b2-c3d4-e5f6", True)):
        outcome = await step.verify(bench.login(user), {"recoveryCodeInput": answer})
        assert isinstance(outcome, Success) is right
    again = await step.verify(bench.login(user), {"recoveryCodeInput": CODES[0]})
    assert not isinstance(again, Success), "not even from a page that was open before"


async def test_what_came_in_goes_out_and_comes_in_again() -> None:
    key = SoftwareKey()
    bench, user = await arrived(key_of(key, "webauthn"), codes_of(*CODES))
    files = UserFiles(realm="small-business", sealer=bench.sealer, with_secrets=True)
    written = files.written(user)["credentials"]
    assert json.loads(written[1]["secretData"]) == json.loads(codes_of(*CODES)["secretData"])
    _, again = await arrived(*written)
    (one,), (other,) = user.security_keys, again.security_keys
    assert one == other
    codes = again.recovery_codes
    assert codes is not None
    assert (codes.total, [code.number for code in codes.codes]) == (12, [3, 4])


async def test_a_list_of_our_own_goes_out_and_comes_in_again() -> None:
    hashed = await Bench().services.passwords.hash(CODES[0])
    value = base64.b64encode(hashed).decode()
    written = codes_of(algorithm="password")
    written["secretData"] = json.dumps({"codes": [{"number": 1, "encodedHashedValue": value}]})
    bench, user = await arrived(written)
    codes = user.recovery_codes
    assert codes is not None
    purpose = recovery_code_purpose("small-business", USER_ID, codes.id)
    stored = bench.sealer.unseal(codes.codes[0].sealed, purpose=purpose)
    assert await matches(bench.services, CODES[0], stored, codes)
    files = UserFiles(realm="small-business", sealer=bench.sealer, with_secrets=True)
    assert json.loads(files.written(user)["credentials"][0]["secretData"]) == json.loads(written["secretData"])
    masked = UserFiles(realm="small-business", sealer=bench.sealer, with_secrets=False).written(user)
    assert value not in json.dumps(masked)


@pytest.mark.parametrize(
    "broken",
    [
        key_of(SoftwareKey(), credentialId=""),
        key_of(SoftwareKey(), credentialPublicKey="!"),
        key_of(SoftwareKey(), counter=-1),
        codes_of("A" * 12, algorithm="MD5"),
        codes_of(*CODES, totalCodes=10_000),
        {**codes_of(), "secretData": '{"codes": [{"number": 1, "encodedHashedValue": "AAAA"}]}'},
        {**codes_of(), "secretData": "{"},
    ],
)
def test_what_cannot_be_read_is_told_with_its_place(broken: dict[str, Any]) -> None:
    found = loaded(lambda document: document["users"][0].update(credentials=[broken])).findings
    (finding,) = (one for one in found if one.rule == "R-USER")
    assert (finding.severity, finding.pointer) == (Severity.ERROR, "/users/0/credentials/0")
