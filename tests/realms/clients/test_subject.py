"""Pairwise subjects in realm files: Keycloak's mapper, and each way to get it wrong."""

from __future__ import annotations

from typing import Any

import pytest

from idp.model.clients.pairwise import Pairwise
from idp.model.finding import Severity
from idp.model.secret import Secret
from tests.realms.documents import Change, brief, demo, findings, loaded

MAPPER = "oidc-sha256-pairwise-sub-mapper"
AT = "/clients/0/protocolMappers/0/config/sectorIdentifierUri"
ONE, TWO = ["https://app.bank.example/cb"], ["https://app.bank.example/cb", "https://b.bank.example/cb"]


def pairwise(config: dict[str, str], *, redirect_uris: list[str] = ONE, times: int = 1, **client: Any) -> Change:
    def change(document: dict[str, Any]) -> None:
        mapper = {"name": "pairwise", "protocol": "openid-connect", "protocolMapper": MAPPER, "config": config}
        document["clients"][0].update(
            protocolMappers=[mapper] * times, redirectUris=redirect_uris, rootUrl="", **client
        )

    return change


def read(change: Change) -> Pairwise | None:
    return next(iter(loaded(demo(change)).realm.clients.values())).pairwise


@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [
        pytest.param(pairwise({}, redirect_uris=TWO), AT, id="two hosts and no address"),
        pytest.param(pairwise({"sectorIdentifierUri": "http://bank.example/s"}), AT, id="not https"),
        pytest.param(pairwise({"sectorIdentifierUri": "bank.example"}), AT, id="no address"),
        pytest.param(pairwise({"sectorIdentifierUri": "https://["}), AT, id="no address at all"),
        pytest.param(pairwise({}, times=2), "/clients/0/protocolMappers/1", id="two mappers"),
    ],
)
def test_a_client_of_no_one_sector_is_an_error(wrong: Change, pointer: str) -> None:
    assert ("C-PAIRWISE", Severity.ERROR, pointer) in brief(findings(wrong))


def test_the_sector_is_the_host_that_the_client_returns_to() -> None:
    assert read(pairwise({})) == Pairwise(sector="app.bank.example")
    assert not [rule for rule, _, _ in brief(findings(pairwise({}))) if rule in {"C-PAIRWISE", "M-TYPE"}]
    relative = pairwise({}, redirect_uris=["/cb"])

    def rooted(document: dict[str, Any]) -> None:
        relative(document)
        document["clients"][0]["rootUrl"] = "https://rooted.bank.example"

    assert read(rooted) == Pairwise(sector="rooted.bank.example")


def test_an_address_names_the_sector_of_several_hosts() -> None:
    config = {"sectorIdentifierUri": "https://sector.bank.example/uris.json", "pairwiseSubAlgorithmSalt": "salt"}
    assert read(pairwise(config, redirect_uris=TWO)) == Pairwise(sector="sector.bank.example", salt=Secret("salt"))


def test_a_client_without_the_mapper_has_public_subjects() -> None:
    assert read(lambda _: None) is None


def test_a_salt_does_not_show_in_what_is_printed() -> None:
    assert "pepper" not in repr(read(pairwise({"pairwiseSubAlgorithmSalt": "pepper"})))
