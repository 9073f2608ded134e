"""Settings: sources, and what is refused, with field and fix and without the value."""

# ruff: noqa: S104 - addresses that are refused

import os
import re
from pathlib import Path

import pytest

from bus.settings import SettingsRefusedError, check_listener, load_settings

KEY = "Zr8kWm3qPx7vNs2dLb9tHc5yJf1gQa6eUo4i"


@pytest.fixture(autouse=True)
def _nothing_from_outside(monkeypatch, tmp_path):
    for name in list(os.environ):
        if name.startswith("SAMBAND_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def test_the_environment_goes_before_the_file(monkeypatch, tmp_path):
    (tmp_path / "samband.toml").write_text(
        'data_dir = "from-file"\n[kafka]\ntopic_prefix = "file."\nsession_timeout_seconds = 20\n'
    )
    monkeypatch.setenv("SAMBAND_KAFKA__TOPIC_PREFIX", "env.")
    settings = load_settings()
    assert settings.data_dir == Path("from-file")
    assert settings.kafka.topic_prefix == "env."
    assert settings.kafka.session_timeout_seconds == 20
    assert settings.topic("person") == "env.person"


def test_the_file_can_be_named(monkeypatch, tmp_path):
    (tmp_path / "other.toml").write_text("demo = true\n")
    monkeypatch.setenv("SAMBAND_CONFIG", str(tmp_path / "other.toml"))
    assert load_settings().demo is True


def test_a_connector_keeps_what_its_kind_needs(tmp_path):
    (tmp_path / "samband.toml").write_text(
        '[connectors.ward]\nkind = "hospital"\nagency = "hospital.a"\n'
        'legal_basis = "law"\npurpose = "care"\nport = 2575\n'
    )
    connector = load_settings().connectors["ward"]
    assert connector.kind == "hospital"
    assert connector.extras == {"port": 2575}


@pytest.mark.parametrize(
    ("given", "message", "fix"),
    [
        ({"pseudonym": {"key": "k" * 31}}, "pseudonym.key: shorter than 32 bytes", "openssl rand"),
        ({"pseudonym": {"key": "change-me-" + KEY}}, "pseudonym.key: looks like an example", "demo = true"),
        ({"pseudonym": {"key": "a" * 40}}, "pseudonym.key: looks like an example", "demo = true"),
        ({"admin": {"host": "0.0.0.0"}}, "admin.host: other machines", "allow_public_listeners"),
        ({"contract_server": {"host": "::"}}, "contract_server.host: other", "allow_public_listeners"),
        ({"bootstrap_servers": "kafka.example:9092"}, "kafka.security.protocol", "allow_plaintext"),
        (
            {"bootstrap_servers": "127.0.0.1:1,kafka:9092", "kafka": {"security": {
                "protocol": "SASL_PLAINTEXT", "sasl_username": "u", "sasl_password": "p"}}},
            "kafka.security.protocol: personal data", "SASL_SSL",
        ),
        ({"kafka": {"session_timeout_seconds": 2}}, "kafka.session_timeout_seconds: Input should", "docs/"),
        ({"kafka": {"security": {"protocol": "SASL_SSL"}}}, "kafka.security: sasl_username and", "docs/"),
        ({"kafka": {"security": {"cert_file": "a.pem"}}}, "cert_file and key_file belong together", "docs/"),
        ({"kafka": {"topic_prefix": "a b"}}, "kafka.topic_prefix: String should match", "docs/"),
        ({"surprise": 1}, "surprise: no such setting", "docs/"),
        ({"kafka": {"surprise": 1}}, "kafka.surprise: no such setting", "docs/"),
        ({"connectors": {"x": {"kind": "hospital"}}}, "connectors.x.agency: Field required", "docs/"),
    ],
)  # fmt: skip
def test_unsafe_and_wrong_values_are_refused(given, message, fix):
    with pytest.raises(SettingsRefusedError) as refused:
        load_settings(**given)
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)
    assert fix in refused.value.fix


@pytest.mark.parametrize(
    "given",
    [
        {"pseudonym": {"key": KEY}},
        {"pseudonym": {"key": "change-me-" + KEY}, "demo": True},
        {"admin": {"host": "0.0.0.0"}, "allow_public_listeners": True},
        {"bootstrap_servers": "localhost:9092,127.0.0.1:9093,[::1]:9094"},
        {"bootstrap_servers": "kafka:9092", "kafka": {"allow_plaintext": True}},
        {"bootstrap_servers": "kafka:9093", "kafka": {"security": {"protocol": "SSL"}}},
    ],
)
def test_what_is_said_explicitly_is_taken(given):
    load_settings(**given)


def test_secrets_are_in_no_text(monkeypatch):
    secret = "a-short-secret"
    with pytest.raises(SettingsRefusedError) as refused:
        load_settings(pseudonym={"key": secret})
    assert secret not in str(refused.value) + refused.value.fix
    with pytest.raises(SettingsRefusedError) as refused:
        load_settings(kafka={"security": {"sasl_password": secret, "protocol": "SASL_SSL"}})
    assert secret not in str(refused.value)
    assert KEY not in repr(load_settings(pseudonym={"key": KEY}))


def test_a_key_is_asked_for_only_where_it_is_needed():
    with pytest.raises(SettingsRefusedError, match="not set"):
        load_settings().pseudonym_key()
    assert load_settings(pseudonym={"key": KEY}).pseudonym_key() == KEY.encode()


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("SAMBAND_TOPIC_PREFIX", "x", "SAMBAND_TOPIC_PREFIX: no such setting"),
        ("SAMBAND_KAFKA__TOPICPREFIX", "x", "kafka.topicprefix: no such setting"),
        ("SAMBAND_CONFIG", "nowhere.toml", "nowhere.toml does not exist"),
    ],
)
def test_a_misspelt_variable_is_refused(monkeypatch, variable, value, message):
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsRefusedError, match=re.escape(message)):
        load_settings()


def test_a_file_that_is_no_toml_is_refused(tmp_path):
    (tmp_path / "samband.toml").write_text("this is [not toml")
    with pytest.raises(SettingsRefusedError, match="is not TOML"):
        load_settings()


@pytest.mark.parametrize(
    ("host", "fine"),
    [("127.0.0.1", True), ("127.8.8.8", True), ("::1", True), ("localhost", True),
     ("0.0.0.0", False), ("192.168.1.4", False), ("hospital.example", False), ("", False)],
)  # fmt: skip
def test_listeners(host, fine):
    check_listener("mllp.host", host, allowed=True)
    if fine:
        check_listener("mllp.host", host, allowed=False)
    else:
        with pytest.raises(SettingsRefusedError, match=r"mllp\.host"):
            check_listener("mllp.host", host, allowed=False)
