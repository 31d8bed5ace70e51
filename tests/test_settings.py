from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from idp.settings.loading import SettingsError, load
from idp.settings.tables import MutualTls, Settings

ROOT = Path(__file__).parents[1]
DEVELOPMENT = ROOT / "config" / "development.toml"
PRODUCTION = ROOT / "config" / "production.toml"


def refused(path: Path, **environment: str) -> list[str]:
    with pytest.raises(SettingsError) as error:
        load(path, environment=environment)
    return str(error.value).splitlines()


def changed(folder: Path, old: str, new: str, *, source: Path = PRODUCTION) -> Path:
    text = source.read_text(encoding="utf-8")
    assert text.count(old) == 1
    path = folder / "changed.toml"
    path.write_text(text.replace(old, new), encoding="utf-8")
    return path


def test_the_configuration_for_development_is_valid() -> None:
    settings = load(DEVELOPMENT, environment={})
    assert settings.environment == "development"
    assert settings.server.port == 8080
    assert not settings.https


def test_the_configuration_for_production_is_valid_and_shows_every_setting() -> None:
    settings = load(PRODUCTION, environment={})
    assert settings.environment == "production"
    assert settings.https
    assert settings.sms.main is not None
    assert settings.sms.main.body == {"from": "{sender}", "to": "{to}", "text": "{text}"}
    document = tomllib.loads(PRODUCTION.read_text(encoding="utf-8"))
    for table in (
        "server",
        "store",
        "secrets",
        "realms",
        "hashing",
        "sms",
        "outbound",
        "log",
        "management",
        "telemetry",
    ):
        fields = set(getattr(settings, table).__struct_fields__) - {"outbox_file"}  # which is for development
        assert set(document[table]) == fields, table


def test_the_environment_has_the_last_word() -> None:
    environment = {
        "HYRJA_SERVER__PORT": "9000",
        "HYRJA_SERVER__TRUSTED_PROXIES": "10.1.0.0/16,fd00::/8",
        "HYRJA_SECRETS__CREATE_MASTER_KEY": "false",
        "HYRJA_HASHING__WORKERS": "3",
        "HYRJA_SMS__PAUSE_SECONDS": "15",
        "HYRJA_KEYCLOAK_DATA": "names no table, so it is no setting",
        "PATH": "/bin",
        "hyrja_log__level": "nobody reads this spelling",
    }
    settings = load(DEVELOPMENT, environment=environment)
    assert settings.server.port == 9000
    assert settings.server.trusted_proxies == ("10.1.0.0/16", "fd00::/8")
    assert settings.secrets.create_master_key is False
    assert settings.hashing.workers == 3
    assert settings.sms.pause_seconds == 15
    assert settings.log.level == "info"
    assert settings.server.base_url == "http://localhost:8080", "what is not overridden stays"


def test_the_environment_can_make_a_whole_table(tmp_path: Path) -> None:
    path = tmp_path / "short.toml"
    path.write_text('environment = "development"\n')
    environment = {
        "HYRJA_SERVER__BASE_URL": "http://localhost:1",
        "HYRJA_STORE__PATH": "a",
        "HYRJA_SECRETS__MASTER_KEY_FILES": "b,c",
        "HYRJA_SECRETS__VAULT": "d",
        "HYRJA_REALMS__FILES": "e",
        "HYRJA_SMS__GATEWAY": "outbox",
    }
    settings = load(path, environment=environment)
    assert settings.secrets.master_key_files == ("b", "c")
    assert settings.realms.files == ("e",)


def test_the_command_line_overrules_the_environment() -> None:
    settings = load(DEVELOPMENT, environment={"HYRJA_SERVER__PORT": "1"}, overrides={"server": {"port": 2}})
    assert settings.server.port == 2


def test_the_environment_reaches_a_table_within_a_table() -> None:
    settings = load(PRODUCTION, environment={"HYRJA_SERVER__MUTUAL_TLS__BASE_URL": "https://mtls.bank.example"})
    assert settings.server.mutual_tls == MutualTls(base_url="https://mtls.bank.example")
    address, port = "HYRJA_SERVER__MUTUAL_TLS__BASE_URL", "HYRJA_SERVER__MUTUAL_TLS__PORT"
    made = load(DEVELOPMENT, environment={address: "https://localhost:2"})
    assert made.server.mutual_tls == MutualTls(base_url="https://localhost:2")
    (line,) = refused(PRODUCTION, **{port: "8444"})
    assert "server.mutual_tls.port needs server.tls_certificate" in line


FILE_AND_CLUSTER = {"HYRJA_STORE__MONGODB_URL": "mongodb://m/hyrja", "HYRJA_STORE__REDIS_URL": "redis://r"}


def test_a_cluster_is_named_instead_of_a_file() -> None:
    settings = load(DEVELOPMENT, environment={**FILE_AND_CLUSTER, "HYRJA_STORE__PATH": ""})
    assert settings.store.clustered
    assert not load(DEVELOPMENT, environment={}).store.clustered


@pytest.mark.parametrize(
    ("environment", "told"),
    [
        (FILE_AND_CLUSTER, "two stores: name one"),
        ({"HYRJA_STORE__PATH": ""}, "store.path must name a file"),
        ({"HYRJA_STORE__REDIS_URL": "redis://r"}, "belong together"),
        ({"HYRJA_STORE__PATH": "", "HYRJA_STORE__MONGODB_URL_FILE": "m"}, "belong together"),
        (
            {**FILE_AND_CLUSTER, "HYRJA_STORE__PATH": "", "HYRJA_STORE__REDIS_URL_FILE": "r"},
            "redis_url_file say the same",
        ),
    ],
)
def test_a_store_that_is_two_or_none_is_refused(environment: dict[str, str], told: str) -> None:
    (line,) = refused(DEVELOPMENT, **environment)
    assert told in line


MUTUAL = 'base_url = "https://mtls.login.bank.example"'


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        pytest.param('tls_key = ""', 'tls_key = "key"', "belong together", id="a key alone"),
        pytest.param('tls_certificate = ""', 'tls_certificate = "c"', "belong together", id="a certificate alone"),
        pytest.param(
            "create_tls_certificate = false", "create_tls_certificate = true", "the files to make", id="no name"
        ),
        pytest.param(MUTUAL, 'base_url = "http://mtls.bank.example"', "must be an https address", id="plain"),
        pytest.param(MUTUAL, 'base_url = "https://mtls.bank.example/x"', "must be an https address", id="a path"),
        pytest.param(MUTUAL, 'base_url = "https://mtls.bank.example?x"', "must be an https address", id="a query"),
        pytest.param(MUTUAL, 'base_url = "https://a@mtls.bank.example"', "must be an https address", id="a user"),
        pytest.param(MUTUAL, 'base_url = "https://["', "must be an https address", id="nonsense"),
        pytest.param(MUTUAL, 'base_url = "https://login.bank.example"', "must be another address", id="the same"),
        pytest.param(MUTUAL, f"{MUTUAL}\nport = 8444", "needs server.tls_certificate", id="a port without TLS"),
        pytest.param(MUTUAL, f"{MUTUAL}\nport = 8080", "must be another port", id="the same port"),
    ],
)
def test_what_cannot_be_about_tls_is_refused(tmp_path: Path, old: str, new: str, told: str) -> None:
    assert any(told in line for line in refused(changed(tmp_path, old, new)))


def test_a_certificate_needs_an_https_address(tmp_path: Path) -> None:
    path = changed(tmp_path, "port = 8080", 'port = 8080\ntls_certificate = "a"\ntls_key = "b"', source=DEVELOPMENT)
    (line,) = refused(path)
    assert "must be https where server.tls_certificate is given" in line


@pytest.mark.parametrize("key", ["port", "SERVER"])
def test_an_unknown_key_is_refused_for_a_misspelt_one_would_have_no_effect(tmp_path: Path, key: str) -> None:
    (line,) = refused(changed(tmp_path, "[server]\n", f"[server]\n{key}s = 1\n"))
    assert "unknown field" in line
    assert f"`{key}s`" in line


@pytest.mark.parametrize("name", ["HYRJA_SERVER__PROT", "HYRJA_SERVERS__PORT", "HYRJA_SERVER__"])
def test_an_unknown_variable_of_ours_is_refused(name: str) -> None:
    (line,) = refused(DEVELOPMENT, **{name: "1"})
    assert "unknown field" in line


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        pytest.param('"https://login.bank.example"', '"http://login.bank.example"', "must be https in", id="http"),
        pytest.param('"https://login.bank.example"', '"http://localhost"', "must be https in", id="loopback"),
        pytest.param('gateway = "configured"', 'gateway = "outbox"', "sms.gateway = outbox", id="outbox"),
        pytest.param("allow_loopback = false", "allow_loopback = true", "outbound.allow_loopback", id="loopback"),
        pytest.param("[log]", "[conformance]\nkey_rotation = true\n[log]", "conformance.key_rotation", id="rotation"),
        pytest.param("[log]", "[conformance]\nciba_decisions = true\n[log]", "conformance.ciba_decisions", id="ciba"),
        pytest.param("[log]", '[conformance]\nresource_api = "x"\n[log]', "conformance.resource_api", id="resource"),
        pytest.param("create_master_key = false", "create_master_key = true", "create_master_key must be", id="key"),
        pytest.param(
            "create_tls_certificate = false", "create_tls_certificate = true", "create_tls_certificate must", id="tls"
        ),
    ],
)
def test_production_refuses_each_switch_of_development(tmp_path: Path, old: str, new: str, told: str) -> None:
    assert any(told in line for line in refused(changed(tmp_path, old, new)))


def test_the_configuration_for_development_is_refused_in_production_with_every_reason(tmp_path: Path) -> None:
    path = changed(tmp_path, 'environment = "development"', 'environment = "production"', source=DEVELOPMENT)
    lines = refused(path)
    assert len(lines) == 4
    for told in ("server.base_url", "sms.gateway", "mail.gateway", "secrets.create_master_key"):
        assert sum(told in line for line in lines) == 1


@pytest.mark.parametrize(
    "address",
    [
        "https://login.bank.example/",
        "https://login.bank.example/auth",
        "https://login.bank.example?x",
        "https://login.bank.example#x",
        "https://user@login.bank.example",
        "https://login.bank.example:99999",
        "https://login.bank.example:x",
        "https://[",
        "https://",
        "ftp://login.bank.example",
        "login.bank.example",
        "",
    ],
)
def test_the_public_address_is_an_origin(address: str) -> None:
    (line, *_) = refused(PRODUCTION, HYRJA_SERVER__BASE_URL=address)
    assert "server.base_url must be an address without a path" in line


@pytest.mark.parametrize(
    "address", ["http://localhost:1", "http://127.0.0.1", "http://[::1]:8080", "https://a.example"]
)
def test_plain_http_is_for_loopback_addresses_only(address: str) -> None:
    assert load(DEVELOPMENT, environment={"HYRJA_SERVER__BASE_URL": address}).server.base_url == address
    (line,) = refused(DEVELOPMENT, HYRJA_SERVER__BASE_URL="http://login.bank.example")
    assert "must be https, except for a loopback address" in line


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("HYRJA_SERVER__TRUSTED_PROXIES", "10.0.0.0/8,everybody", "“everybody” is not a network"),
        ("HYRJA_SERVER__TRUSTED_PROXIES", "10.0.0.1/8", "“10.0.0.1/8” is not a network"),
        ("HYRJA_SERVER__PORT", "70000", "$.server.port"),
        ("HYRJA_SERVER__PORT", "http", "$.server.port"),
        ("HYRJA_HASHING__MEMORY_KIB", "1024", "$.hashing.memory_kib"),
        ("HYRJA_HASHING__WORKERS", "0", "$.hashing.workers"),
        ("HYRJA_SMS__GATEWAY", "pigeon", "pigeon"),
        ("HYRJA_SMS__MAIN__TIMEOUT_SECONDS", "0", "$.sms.main.timeout_seconds"),
        ("HYRJA_SMS__MAIN__URL", "http://sms.example", "sms.main.url must be https"),
        ("HYRJA_SMS__MAIN__URL", "https://", "sms.main.url must be https"),
        ("HYRJA_SMS__MAIN__URL", "https://sms.example:x", "sms.main.url must be https"),
        ("HYRJA_LOG__LEVEL", "loud", "loud"),
    ],
)
def test_a_value_that_cannot_be_used_is_told(name: str, value: str, told: str) -> None:
    (line,) = refused(PRODUCTION, **{name: value})
    assert told in line


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('["/run/secrets/hyrja-master-key"]', "[]", "secrets.master_key_files must name"),
        ('{ from = "{sender}", to = "{to}", text = "{text}" }', "{}", "sms.main.body must be given"),
        ("[store]\n", "[store", "is not TOML"),
        ('environment = "production"', "", "`environment`"),
    ],
)
def test_what_is_missing_is_told(tmp_path: Path, old: str, new: str, told: str) -> None:
    (line,) = refused(changed(tmp_path, old, new))
    assert told in line


def test_every_problem_is_told_at_once() -> None:
    lines = refused(PRODUCTION, HYRJA_SERVER__TRUSTED_PROXIES="x,y", HYRJA_SERVER__BASE_URL="http://a.example")
    assert len(lines) == 4


def test_a_file_that_is_missing_or_not_text_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe")
    for path, told in ((tmp_path / "none.toml", "cannot be read"), (tmp_path / "binary.toml", "is not TOML")):
        (line,) = refused(path)
        assert told in line


def test_a_table_in_the_place_of_a_value_is_told_and_not_a_crash(tmp_path: Path) -> None:
    path = tmp_path / "flat.toml"
    path.write_text('environment = "development"\nserver = "localhost"\n')
    assert "$.server" in refused(path)[0]
    assert "missing required field" in refused(path, HYRJA_SERVER__PORT="1")[0]


def test_settings_hold_no_secret() -> None:
    assert "authorization" not in Settings.__struct_fields__
    text = PRODUCTION.read_text(encoding="utf-8")
    assert "secret_file" in text
    assert "Bearer" not in text


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("MAIN__PRESET", "twilio", "sms.main.account must be given"),
        ("MAIN__SENDER", "", ""),
        ("SPARE__HOST", "", "sms.spare.host must be given"),
        ("SPARE__ACCOUNT", "", "sms.spare.account must be given"),
        ("SPARE__SECRET_FILE", "", "sms.spare.secret_file must be given"),
        ("SPARE__TLS", "false", "sms.spare.tls must be true"),
        ("SPARE__PRESET", "infobip", ""),
        ("MAIN__ACCEPTED_AT", "status", "sms.main.accepted must say"),
        ("MAIN__PRESET", "pigeon", "pigeon"),
        ("PAUSE_SECONDS", "0", "$.sms.pause_seconds"),
    ],
)
def test_a_gateway_that_cannot_be_used_is_told(name: str, value: str, told: str) -> None:
    variable = {f"HYRJA_SMS__{name}": value}
    if not told:
        assert load(PRODUCTION, environment=variable).sms.main is not None
        return
    assert any(told in line for line in refused(PRODUCTION, **variable))


@pytest.mark.parametrize(
    ("receipts", "told"),
    [
        ('proof = "path"\nsecret_file = ""', "secret_file must name"),
        ('proof = "hmac-sha256"\nsecret_file = "x"', "header must name"),
        ('proof = "path"\nsecret_file = "x"', "needs message_id, state"),
        ('proof = "trust"\nsecret_file = "x"', "trust"),
    ],
)
def test_receipts_that_cannot_be_read_are_told(tmp_path: Path, receipts: str, told: str) -> None:
    lines = refused(changed(tmp_path, "[sms.spare]", f"[sms.main.receipts]\n{receipts}\n\n[sms.spare]"))
    assert any(told in line for line in lines)


def test_a_message_centre_on_a_private_network_may_go_without_tls_and_has_no_address_for_receipts(
    tmp_path: Path,
) -> None:
    variables = {"HYRJA_SMS__SPARE__TLS": "false", "HYRJA_SMS__SPARE__HOST": "10.1.2.3"}
    assert load(PRODUCTION, environment=variables).sms.spare is not None
    path = changed(tmp_path, "[outbound]", '[sms.spare.receipts]\nproof = "path"\nsecret_file = "x"\n\n[outbound]')
    assert any("sms.spare.receipts is not for smpp" in line for line in refused(path))


def test_a_configured_gateway_is_needed(tmp_path: Path) -> None:
    path = changed(tmp_path, '[sms]\ngateway = "outbox"', '[sms]\ngateway = "configured"', source=DEVELOPMENT)
    assert any("[sms.main] must be given" in line for line in refused(path))


def test_several_workers_need_a_store_that_several_can_write_to() -> None:
    with pytest.raises(SettingsError, match=r"server\.workers must be 1 with the embedded store"):
        load(DEVELOPMENT, environment={}, overrides={"server": {"workers": 2}})
    cluster = {"path": "", "mongodb_url": "mongodb://127.0.0.1/hyrja", "redis_url": "redis://127.0.0.1"}
    assert load(DEVELOPMENT, environment={}, overrides={"server": {"workers": 2}, "store": cluster}).server.workers == 2


def test_a_store_that_forgets_is_for_development_only() -> None:
    assert load(DEVELOPMENT, environment={"HYRJA_STORE__PATH": ":memory:"}).store.forgetful
    assert any(":memory: forgets" in line for line in refused(PRODUCTION, HYRJA_STORE__PATH=":memory:"))


def test_a_management_port_that_customers_reach_is_refused(tmp_path: Path) -> None:
    path = changed(tmp_path, "port = 9464", "port = 8080")
    assert refused(path) == [
        f"{path}: management.port must be another port than server.port: no customer may reach it."
    ]


@pytest.mark.parametrize(
    "endpoint",
    [
        "collector:4318",
        "ftp://collector",
        "http://",
        "http://name:word@collector",
        "http://collector/?a=b",
        "http://[::1",
    ],
)
def test_an_address_of_a_collector_that_cannot_be_called_or_holds_a_secret_is_refused(
    tmp_path: Path, endpoint: str
) -> None:
    path = changed(tmp_path, 'otlp_endpoint = ""', f'otlp_endpoint = "{endpoint}"')
    problem = "telemetry.otlp_endpoint must be an address such as http://127.0.0.1:4318, without name and password."
    assert refused(path) == [f"{path}: {problem}"]
