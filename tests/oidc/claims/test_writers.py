"""Claims that are one text: nearly every claim of a user."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.model.claims.mapper import ClaimName, Group, Into, UserAttribute, UserProperty, UserPropertyName
from idp.model.client import Client
from idp.model.realm import Realm
from idp.model.user import User
from idp.oidc.claims.writers import Claims, Facts, Subject, writer
from idp.realms.tokens.roles import RoleBook
from tests.oidc.harness import ANA

CLIENT = Client(client_id="app")
NAMES = st.sampled_from(["level", "email", "username", "firstName", "zone"])
VALUES = st.dictionaries(NAMES, st.lists(st.sampled_from(["", "a", "b"]), max_size=3).map(tuple))


def written(mapper: UserAttribute | UserProperty, user: User, groups: dict[str, Group]) -> Claims:
    claims: Claims = {}
    write = writer(mapper, CLIENT)
    assert write is not None
    write(Subject(user, Facts(), RoleBook(Realm(name="bank", version="1", groups=groups)), frozenset), claims)
    return claims


def first_text(name: str, *, aggregate: bool, user: User, inherited: list[dict[str, tuple[str, ...]]]) -> str | None:
    """Keycloak's rule: the user's own value, else that of the nearest group with the attribute; or all in a row."""
    properties = {"email": user.email, "username": user.username, "firstName": user.first_name}
    if name in properties:
        return properties[name] or None
    above = [kept[name] for kept in inherited if name in kept]
    texts = [*user.attributes.get(name, ())]
    if aggregate or not texts:
        texts += [text for kept in (above if aggregate else above[:1]) for text in kept]
    return (texts[0] or None) if texts else None


@given(
    name=NAMES,
    aggregate=st.booleans(),
    own=VALUES,
    member=st.booleans(),
    near=VALUES,
    above=VALUES,
    email=st.sampled_from(["", "ana@bank.example"]),
)
def test_a_claim_of_one_text_is_the_first_there_is(
    *,
    name: str,
    aggregate: bool,
    own: dict[str, tuple[str, ...]],
    member: bool,
    near: dict[str, tuple[str, ...]],
    above: dict[str, tuple[str, ...]],
    email: str,
) -> None:
    user = msgspec.structs.replace(ANA, attributes=own, email=email, groups=("/bank/tirana",) if member else ())
    groups = {path: Group(path=path, attributes=kept) for path, kept in (("/bank", above), ("/bank/tirana", near))}
    mapper = UserAttribute(attribute=name, claim=ClaimName(path=("x",)), into=Into(), aggregate=aggregate)
    expected = first_text(name, aggregate=aggregate, user=user, inherited=[near, above] if member else [])
    assert written(mapper, user, groups) == ({} if expected is None else {"x": expected})


@pytest.mark.parametrize("name", ["id", "username", "email", "firstName", "lastName", "emailVerified", "enabled"])
def test_a_property_is_its_text(name: UserPropertyName) -> None:
    user = msgspec.structs.replace(ANA, email="", first_name="Ana", last_name="")
    expected = {"id": ANA.id, "username": ANA.username, "firstName": "Ana", "enabled": "true"}
    expected["emailVerified"] = str(ANA.email_verified).lower()
    mapper = UserProperty(name=name, claim=ClaimName(path=("x",)), into=Into())
    assert written(mapper, user, {}) == ({"x": expected[name]} if name in expected else {})
