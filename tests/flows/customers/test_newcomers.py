"""Users of a realm file: let in once, sent their first password, never touched again."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

import msgspec
import pyotp
import pytest
from argon2.low_level import Type, hash_secret_raw

from idp.crypto.passwords import Argon2Passwords
from idp.flows.credentials.sealed import password_purpose
from idp.flows.turns import Finished
from idp.model.realm import Realm
from idp.model.user import OtpCredential, PasswordCredential, User
from idp.ports import MessageUndeliveredError
from idp.realms.loading import LoadedRealm
from tests.flows.bench import (
    PASSWORD,
    PHONE,
    Bench,
    Edit,
    all_edits,
    flow,
    loaded,
    no_actions,
    step,
    with_flows,
)

pytestmark = pytest.mark.anyio

DELIVERED = {"type": "password", "temporary": True, "credentialData": json.dumps({"deliver": "sms"})}
THREE_DAYS = 72 * 3600
TWO_STEPS = flow("login", step("auth-username-password-form"), step("auth-otp-form"))
KEY = b"a raw key of twenty!"


def with_ana(*credentials: dict[str, Any], **more: Any) -> Edit:
    def edit(found: dict[str, Any]) -> None:
        user = {"username": "ana", "enabled": True, "attributes": {"phoneNumber": [PHONE]}}
        found["users"] = [{**user, "credentials": list(credentials), **more}]

    return edit


async def arrive(bench: Bench, found: LoadedRealm) -> int:
    return await bench.newcomers(found.realm).arrive(found.users)


async def ana(bench: Bench) -> User:
    user = await bench.stores.users.by_username("ana")
    assert user is not None
    return user


async def password(bench: Bench) -> PasswordCredential:
    found = (await ana(bench)).password
    assert found is not None
    return found


def sent_password(bench: Bench) -> str:
    return bench.sms.messages[-1][1].rsplit(" ", 1)[1]


# --- who is let in, and who is left alone


async def test_a_new_user_arrives_with_what_the_file_says() -> None:
    bench = Bench()
    found = loaded(
        with_ana(
            {"type": "password", "value": PASSWORD},
            id="7d9c",
            email="ana@example.al",
            emailVerified=True,
            firstName="Ana",
            lastName="Hoxha",
            requiredActions=["UPDATE_PASSWORD"],
        )
    )
    assert await arrive(bench, found) == 1
    user = await ana(bench)
    assert (user.id, user.email, user.email_verified, user.full_name) == ("7d9c", "ana@example.al", True, "Ana Hoxha")
    assert user.phone == PHONE
    assert user.created_at == bench.now
    assert user.required_actions == ("UPDATE_PASSWORD", "TERMS_AND_CONDITIONS", "VERIFY_PROFILE")
    assert [event.type for event in await bench.stores.events.recent(limit=9)] == ["REGISTER"]


async def test_a_new_user_has_the_roles_and_groups_of_the_file_or_those_of_everybody() -> None:
    bench = Bench()
    own = {"realmRoles": ["r"], "clientRoles": {"bank": ["c"]}, "groups": ["/g"]}
    await arrive(bench, loaded(with_ana({"type": "password", "value": PASSWORD}, **own)))
    there = await ana(bench)
    assert (there.realm_roles, there.client_roles, there.groups) == (("r",), {"bank": ("c",)}, ("/g",))
    other = Bench()
    found = loaded(with_ana({"type": "password", "value": PASSWORD}))
    realm = msgspec.structs.replace(found.realm, default_groups=("/everybody",))
    await arrive(other, msgspec.structs.replace(found, realm=realm))
    there = await ana(other)
    assert (there.realm_roles, there.groups) == ((f"default-roles-{realm.name}",), ("/everybody",))


async def test_a_user_who_exists_is_never_touched_by_a_realm_file() -> None:
    bench = Bench()
    await arrive(bench, loaded(with_ana({"type": "password", "value": PASSWORD}, email="ana@example.al")))
    before = await ana(bench)
    changed = with_ana(
        {"type": "password", "value": "quite another password", "temporary": True},
        email="other@example.al",
        enabled=False,
        attributes={"phoneNumber": ["+355692000999"]},
        requiredActions=["CONFIGURE_TOTP"],
    )
    assert await arrive(bench, loaded(changed)) == 0
    assert await ana(bench) == before


async def test_a_user_with_a_password_of_their_own_is_sent_none() -> None:
    bench = Bench()
    await arrive(bench, loaded(with_ana({"type": "password", "value": PASSWORD})))
    assert await arrive(bench, loaded(with_ana(DELIVERED))) == 0
    assert bench.sms.messages == []


async def test_a_user_who_once_chose_a_password_and_has_none_now_is_sent_none() -> None:
    bench = Bench()
    await arrive(bench, loaded(with_ana(DELIVERED)))
    gone = msgspec.structs.replace(await ana(bench), credentials=(), not_before=bench.now)
    assert await bench.stores.users.replace(gone)
    await arrive(bench, loaded(with_ana(DELIVERED)))
    assert len(bench.sms.messages) == 1


async def test_a_user_with_the_id_of_another_takes_nothing_from_them() -> None:
    bench = Bench()
    await arrive(bench, loaded(with_ana({"type": "password", "value": PASSWORD}, id="7d9c")))
    before = await ana(bench)
    renamed = with_ana(DELIVERED, id="7d9c", username="besa", attributes={"phoneNumber": ["+355692000999"]})
    found = loaded(renamed)
    newcomers = bench.newcomers(found.realm)
    assert [finding.pointer async for finding in newcomers.kept_out(found.users)] == ["/users/0/id"]
    assert await newcomers.arrive(found.users) == 0
    assert [finding.pointer for finding in newcomers.left_out] == ["/users/0/id"]
    assert await ana(bench) == before
    assert bench.sms.messages == []


async def test_a_user_with_the_federated_identity_of_another_stays_out() -> None:
    bench = Bench()
    identity = [{"identityProvider": "google", "userId": "1", "userName": "ana@gmail"}]
    await arrive(bench, loaded(with_ana(federatedIdentities=identity)))
    found = loaded(with_ana(federatedIdentities=identity, username="besa"))
    newcomers = bench.newcomers(found.realm)
    place = ["/users/0/federatedIdentities/0"]
    assert [finding.pointer async for finding in newcomers.kept_out(found.users)] == place
    assert await newcomers.arrive(found.users) == 0
    assert [finding.pointer for finding in newcomers.left_out] == place
    there = await bench.stores.users.by_identity("google", "1")
    assert there == await ana(bench)


# --- the first password


async def test_a_first_password_is_sent_once_in_the_realms_words_and_only_its_hash_is_kept() -> None:
    bench = Bench()
    await arrive(bench, loaded(with_ana(DELIVERED)))
    await arrive(bench, loaded(with_ana(DELIVERED)))
    ((to, text),) = bench.sms.messages
    assert to == PHONE
    assert text.startswith("Mire se vini ne Banken Hyrja. Perdoruesi: ana.")
    kept = await password(bench)
    assert kept.temporary
    assert not kept.awaiting_delivery
    assert kept.expires_at == bench.now + THREE_DAYS
    hashed = bench.sealer.unseal(kept.sealed, purpose=password_purpose("small-business", (await ana(bench)).id))
    assert await bench.quick.verify(sent_password(bench), hashed)
    assert "UPDATE_PASSWORD" in (await ana(bench)).required_actions
    events = await bench.stores.events.recent(limit=9)
    assert [event.type for event in events] == ["SEND_FIRST_PASSWORD", "REGISTER"]
    assert sent_password(bench) not in repr(events)


async def test_a_first_password_that_the_gateway_refused_is_made_anew_at_the_next_start() -> None:
    bench = Bench()
    bench.sms.down = True
    with pytest.raises(MessageUndeliveredError):
        await arrive(bench, loaded(with_ana(DELIVERED)))
    undelivered = await password(bench)
    assert undelivered.awaiting_delivery
    bench.sms.down = False
    assert await arrive(bench, loaded(with_ana(DELIVERED))) == 0
    kept = await password(bench)
    assert not kept.awaiting_delivery
    assert kept.sealed != undelivered.sealed
    assert len(bench.sms.messages) == 1


async def test_a_user_created_by_a_process_that_was_killed_before_the_password_gets_one() -> None:
    bench = Bench()
    await bench.add_user(credentials=())
    await arrive(bench, loaded(with_ana(DELIVERED)))
    assert len(bench.sms.messages) == 1
    assert (await password(bench)).temporary


@pytest.mark.parametrize(("after", "messages"), [(THREE_DAYS - 1, 1), (THREE_DAYS, 2)], ids=["in time", "too late"])
async def test_a_first_password_that_ran_out_unused_is_sent_anew(after: int, messages: int) -> None:
    bench = Bench()
    await arrive(bench, loaded(with_ana(DELIVERED)))
    first = sent_password(bench)
    bench.clock.advance(after)
    await arrive(bench, loaded(with_ana(DELIVERED)))
    assert len(bench.sms.messages) == messages
    assert (sent_password(bench) == first) is (messages == 1)
    assert [type(c) for c in (await ana(bench)).credentials] == [PasswordCredential]


async def test_a_lifespan_of_the_files_own_is_kept() -> None:
    bench = Bench()
    short = {**DELIVERED, "credentialData": json.dumps({"deliver": "sms", "lifespanSeconds": 600})}
    await arrive(bench, loaded(with_ana(short)))
    assert (await password(bench)).expires_at == bench.now + 600


async def test_a_temporary_password_of_the_file_must_be_changed() -> None:
    bench = Bench()
    await arrive(bench, loaded(with_ana({"type": "password", "value": PASSWORD, "temporary": True})))
    assert (await password(bench)).temporary
    assert "UPDATE_PASSWORD" in (await ana(bench)).required_actions


# --- credentials that another Keycloak has made


def pbkdf2(text: str) -> dict[str, Any]:
    salt, iterations = b"0123456789abcdef", 27500
    value = hashlib.pbkdf2_hmac("sha256", text.encode(), salt, iterations, 64)
    return _hashed(value, salt, iterations, "pbkdf2-sha256", {})


def argon2(text: str) -> dict[str, Any]:
    salt = b"0123456789abcdef"
    value = hash_secret_raw(
        text.encode(), salt, time_cost=5, memory_cost=7168, parallelism=1, hash_len=32, type=Type.ID
    )
    parameters = {"hashLength": ["32"], "memory": ["7168"], "type": ["id"], "version": ["1.3"], "parallelism": ["1"]}
    return _hashed(value, salt, 5, "argon2", parameters)


def _hashed(value: bytes, salt: bytes, iterations: int, algorithm: str, parameters: dict[str, Any]) -> dict[str, Any]:
    secret = {"value": base64.b64encode(value).decode(), "salt": base64.b64encode(salt).decode()}
    described = {"hashIterations": iterations, "algorithm": algorithm, "additionalParameters": parameters}
    return {"type": "password", "secretData": json.dumps(secret), "credentialData": json.dumps(described)}


def otp(*, base32: bool) -> dict[str, Any]:
    value = base64.b32encode(KEY).decode() if base32 else KEY.decode()
    described = {"subType": "totp", "digits": 8, "counter": 0, "period": 60, "algorithm": "HmacSHA256"}
    described |= {"secretEncoding": "BASE32"} if base32 else {}
    secret = json.dumps({"value": value})
    return {"type": "otp", "userLabel": "Celulari", "secretData": secret, "credentialData": json.dumps(described)}


async def entered(bench: Bench, realm: Realm, typed: str) -> str | None:
    """Log in with a password and the code of `KEY`; return the token that was proven, None for a wrong password."""
    walk = bench.run(realm)
    await walk.show()
    await walk.enter(username="ana", password=typed)
    if walk.asks != "auth-otp-form":
        return None
    code = pyotp.TOTP(base64.b32encode(KEY).decode(), digits=8, digest=hashlib.sha256, interval=60).at(bench.now)
    result = await walk.enter(otp=code)
    assert isinstance(result.turn, Finished)
    return walk.session.evidence[-1].credential_id


@pytest.mark.parametrize("base32", [True, False], ids=["base32", "raw"])
@pytest.mark.parametrize("hashed", [pbkdf2, argon2])
async def test_credentials_of_keycloak_log_in_and_the_hash_is_renewed(hashed: Any, *, base32: bool) -> None:
    passwords = Argon2Passwords(workers=1, queue=8, memory_kib=1024, iterations=1)
    try:
        bench = Bench(passwords=passwords)
        found = loaded(all_edits(no_actions, with_flows(TWO_STEPS), with_ana(hashed(PASSWORD), otp(base32=base32))))
        assert [f for f in found.findings if f.pointer.startswith("/users")] == []
        await arrive(bench, found)
        imported = await password(bench)
        (token,) = (await ana(bench)).otps
        assert (token.label, token.digits, token.period, token.algorithm) == ("Celulari", 8, 60, "HmacSHA256")

        assert await entered(bench, found.realm, "a wrong password") is None
        assert await password(bench) == imported, "a wrong password renews nothing"
        assert await entered(bench, found.realm, PASSWORD) == token.id

        renewed = await password(bench)
        user = await ana(bench)
        stored = bench.sealer.unseal(renewed.sealed, purpose=password_purpose("small-business", user.id))
        assert not passwords.outdated(stored)
        assert await passwords.verify(PASSWORD, stored)
        assert [type(c) for c in user.credentials] == [PasswordCredential, OtpCredential]
        bench.clock.advance(60)
        assert await entered(bench, found.realm, PASSWORD) == token.id
        assert await password(bench) == renewed, "a hash of today is not made again"
    finally:
        passwords.close()


async def test_credentials_keep_the_order_of_the_file_which_says_what_the_user_prefers() -> None:
    bench = Bench()
    await arrive(bench, loaded(all_edits(no_actions, with_ana(otp(base32=True), pbkdf2(PASSWORD)))))
    assert [type(c) for c in (await ana(bench)).credentials] == [OtpCredential, PasswordCredential]


async def test_a_service_account_arrives_with_its_roles_and_without_anything_to_log_in_by() -> None:
    robot = {
        "id": "a-known-id",
        "username": "service-account-cards",
        "serviceAccountClientId": "cards",
        "enabled": True,
        "email": "robot@example.al",
        "requiredActions": ["CONFIGURE_TOTP"],
        "realmRoles": ["customer"],
        "credentials": [{"type": "password", "value": "a password of somebody"}],
    }
    bench = Bench()
    assert await arrive(bench, loaded(lambda found: found.update(users=[robot]))) == 1
    found = await bench.stores.users.by_username("service-account-cards")
    assert found is not None
    assert (found.id, found.service_account_of, found.realm_roles) == ("a-known-id", "cards", ("customer",))
    assert (found.credentials, found.required_actions, found.email) == ((), (), "")


# --- one address, one person


def sharing(*people: tuple[str, str], duplicates: bool = False) -> Edit:
    def edit(found: dict[str, Any]) -> None:
        found["duplicateEmailsAllowed"] = duplicates
        found["loginWithEmailAllowed"] = not duplicates
        found["users"] = [{"username": name, "email": email, "enabled": True} for name, email in people]

    return edit


async def test_a_newcomer_whose_address_is_another_users_stays_out_and_is_told_of() -> None:
    bench = Bench()
    await arrive(bench, loaded(sharing(("ana", "ana@example.al"))))
    found = loaded(sharing(("besa", "ANA@example.al"), ("cen", "cen@example.al")))
    newcomers = bench.newcomers(found.realm)
    assert [finding.pointer async for finding in newcomers.kept_out(found.users)] == ["/users/0/email"]
    assert await newcomers.arrive(found.users) == 1
    (left_out,) = newcomers.left_out
    assert left_out.pointer == "/users/0/email"
    assert "“besa” has the e-mail address of “ana”" in left_out.problem
    there = await bench.stores.users.by_email("ana@example.al")
    assert there is not None
    assert there.username == "ana"
    assert not newcomers.others_at_work


async def test_an_address_that_somebody_is_just_given_is_left_to_them_and_looked_at_again() -> None:
    bench = Bench()
    assert await bench.stores.users.reserve_address("ana@example.al", "a login in progress")
    found = loaded(sharing(("ana", "ana@example.al")))
    newcomers = bench.newcomers(found.realm)
    assert await newcomers.arrive(found.users) == 0
    assert [finding.pointer for finding in newcomers.delayed] == ["/users/0/email"]
    assert newcomers.left_out == []
    assert newcomers.others_at_work


async def test_a_newcomer_for_whom_a_killed_process_reserved_the_address_comes_when_that_is_over() -> None:
    """Tried: alone, so nobody else is at it; then the user stayed out until somebody started the server once more."""
    bench = Bench()
    found = loaded(sharing(("ana", "ana@example.al")))
    assert await bench.stores.users.reserve_address("ana@example.al", "the id that the killed process made up")
    newcomers = bench.newcomers(found.realm)
    assert await newcomers.arrive(found.users) == 0
    assert newcomers.others_at_work, "or nobody looks again"
    bench.clock.advance(120)
    assert await bench.newcomers(found.realm).arrive(found.users) == 1


async def test_beside_other_processes_a_reserved_address_is_looked_at_again_and_a_taken_one_is_not() -> None:
    bench = Bench()
    await arrive(bench, loaded(sharing(("ana", "ana@example.al"))))
    assert await bench.stores.users.reserve_address("besa@example.al", "another process")
    for name, again in (("besa", True), ("ana", False)):
        found = loaded(sharing(("dita", f"{name}@example.al")))
        newcomers = bench.newcomers(found.realm, alone=False)
        assert await newcomers.arrive(found.users) == 0
        assert newcomers.others_at_work is again
        assert bool(newcomers.left_out) is not again


async def test_a_realm_that_allows_it_lets_two_have_one_address() -> None:
    bench = Bench()
    await arrive(bench, loaded(sharing(("ana", "ana@example.al"), duplicates=True)))
    found = loaded(sharing(("besa", "ana@example.al"), ("cen", "ana@example.al"), duplicates=True))
    newcomers = bench.newcomers(found.realm)
    assert [finding async for finding in newcomers.kept_out(found.users)] == []
    assert await newcomers.arrive(found.users) == 2
    assert newcomers.left_out == []


async def test_a_newcomer_leaves_no_reservation_behind() -> None:
    bench = Bench()
    await arrive(bench, loaded(sharing(("ana", "ana@example.al"))))
    user = await ana(bench)
    assert await bench.stores.users.remove(user.id)
    assert await bench.stores.users.reserve_address("ana@example.al", "somebody else")
