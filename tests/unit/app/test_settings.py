"""The operator's settings: each has a safe default, and each unsafe value is refused by the setting's name."""

from pathlib import Path

import pytest

from toolcrib.app.settings import Settings, UnsafeSetting

NAMES = {
    "TOOLCRIB_DATABASE_URL", "TOOLCRIB_DATA_DIR", "TOOLCRIB_HOST", "TOOLCRIB_PORT", "TOOLCRIB_EGRESS_ALLOW", "TOOLCRIB_EGRESS_CA", "TOOLCRIB_EGRESS_PROXY",
    "TOOLCRIB_MAX_REQUEST", "TOOLCRIB_MAX_REPLY", "TOOLCRIB_MAX_SECONDS", "TOOLCRIB_ENV", "TOOLCRIB_ROOT_KEY", "TOOLCRIB_ROOT_KEY_FILE",
    "TOOLCRIB_ROOT_KEY_PREVIOUS", "TOOLCRIB_ROOT_KEY_PREVIOUS_FILE", "TOOLCRIB_ENV_SECRETS",
    "TOOLCRIB_NOTIFICATIONS", "TOOLCRIB_PACKS", "TOOLCRIB_LOG_LEVEL", "TOOLCRIB_RETENTION_DAYS", "TOOLCRIB_CORS_ORIGINS", "TOOLCRIB_APPROVAL_SECONDS",
    "TOOLCRIB_JWT_ISSUERS", "TOOLCRIB_JWT_SHARED_SECRETS",
    "TOOLCRIB_DATABASE_ROLE",
}  # fmt: skip


def test_every_setting_has_a_name_of_its_own():
    found = [field.metadata["env"] for field in Settings.__dataclass_fields__.values()]
    assert sorted(found) == sorted(NAMES)


def test_without_settings_the_server_is_safe():
    settings = Settings.read({})
    assert (settings.host, settings.port, settings.environment, settings.egress_allow) == (
        "127.0.0.1",
        8000,
        "development",
        "",
    )
    assert (settings.max_request, settings.max_reply, settings.max_seconds) == (32_000_000, 64_000_000, 120)
    assert settings.notifications
    assert settings.data_dir == Path("./.toolcrib").absolute()


def test_the_environment_is_read_once(monkeypatch):
    monkeypatch.setenv("TOOLCRIB_PORT", "8123")
    assert Settings.read().port == 8123


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TOOLCRIB_PORT", "0"),
        ("TOOLCRIB_PORT", "65536"),
        ("TOOLCRIB_PORT", "http"),
        ("TOOLCRIB_PORT", "-1"),
        ("TOOLCRIB_PORT", ""),
        ("TOOLCRIB_PORT", "²"),
        ("TOOLCRIB_MAX_REQUEST", "0"),
        ("TOOLCRIB_MAX_REQUEST", "32MB"),
        ("TOOLCRIB_MAX_REPLY", "999"),
        ("TOOLCRIB_MAX_REPLY", "1000000001"),
        ("TOOLCRIB_MAX_SECONDS", "0"),
        ("TOOLCRIB_MAX_SECONDS", "3601"),
        ("TOOLCRIB_MAX_SECONDS", "1.5"),
        ("TOOLCRIB_RETENTION_DAYS", "0"),
        ("TOOLCRIB_RETENTION_DAYS", "36501"),
        ("TOOLCRIB_RETENTION_DAYS", "a week"),
        ("TOOLCRIB_ENV", "prod"),
        ("TOOLCRIB_ENV", ""),
        ("TOOLCRIB_NOTIFICATIONS", "yes"),
        ("TOOLCRIB_HOST", "0.0.0.0"),
        ("TOOLCRIB_HOST", "::"),
        ("TOOLCRIB_HOST", "192.168.1.5"),
        ("TOOLCRIB_HOST", "example.com"),
        ("TOOLCRIB_HOST", ""),
        ("TOOLCRIB_DATABASE_URL", "mysql://x"),
        ("TOOLCRIB_DATABASE_URL", "toolcrib.db"),
        ("TOOLCRIB_DATABASE_URL", "sqlite://"),
        ("TOOLCRIB_LOG_LEVEL", "loud"),
    ],
)
def test_an_unsafe_value_is_refused_by_the_settings_name(name, value):
    with pytest.raises(UnsafeSetting, match=f"^{name} "):
        Settings.read({name: value})


def test_a_root_key_is_given_in_one_way():
    with pytest.raises(UnsafeSetting, match="TOOLCRIB_ROOT_KEY and TOOLCRIB_ROOT_KEY_FILE are both set"):
        Settings.read({"TOOLCRIB_ROOT_KEY": "x", "TOOLCRIB_ROOT_KEY_FILE": "y"})


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_loopback_is_open_in_development(host):
    assert Settings.read({"TOOLCRIB_HOST": host}).host == host


def test_production_does_not_tell_who_asked_for_what():
    with pytest.raises(UnsafeSetting, match=r"^TOOLCRIB_LOG_LEVEL is debug"):
        Settings.read({"TOOLCRIB_LOG_LEVEL": "debug", "TOOLCRIB_ENV": "production"})
    assert Settings.read({"TOOLCRIB_LOG_LEVEL": "debug"}).log_level == "debug"


def test_production_may_listen_beyond_this_machine():
    settings = Settings.read({"TOOLCRIB_HOST": "0.0.0.0", "TOOLCRIB_ENV": "production"})
    assert settings.environment == "production"


@pytest.mark.parametrize("url", ["", "sqlite:////tmp/x.db", "postgresql://u@h/d", "postgres://u@h/d"])
def test_these_databases_are_known(url):
    assert Settings.read({"TOOLCRIB_DATABASE_URL": url}).database_url == url


def test_payloads_are_kept_for_ever_unless_days_are_named():
    assert Settings.read({}).retention_days is None
    assert Settings.read({"TOOLCRIB_RETENTION_DAYS": "30"}).retention_days == 30


def test_notifications_can_be_turned_off():
    assert not Settings.read({"TOOLCRIB_NOTIFICATIONS": "off"}).notifications


def test_unknown_variables_are_let_pass():
    assert Settings.read({"TOOLCRIB_URL": "http://x", "PATH": "/bin"}) == Settings()


def test_a_misspelled_setting_is_found_with_the_one_that_was_meant():
    environment = {
        "TOOLCRIB_EGRES_ALLOW": "x",
        "TOOLCRIB_XYZZY": "",
        "TOOLCRIB_PORT": "1",
        "TOOLCRIB_URL": "u",
        "TOOLCRIB_WORKSPACE": "w",
        "PATH": "",
    }
    assert Settings.misspelled(environment) == [
        ("TOOLCRIB_EGRES_ALLOW", "TOOLCRIB_EGRESS_ALLOW"), ("TOOLCRIB_XYZZY", None),
    ]  # fmt: skip


def test_origins_are_taken_exactly_as_browsers_send_them():
    given = "https://app.example.com, http://127.0.0.1:5173, https://b.example:80"
    assert Settings.read({"TOOLCRIB_CORS_ORIGINS": given}).cors_origins == (
        "https://app.example.com",
        "http://127.0.0.1:5173",
        "https://b.example:80",
    )
    assert Settings.read({}).cors_origins == ()


@pytest.mark.parametrize(
    "origin",
    ["*", "null", "https://*.example.com", "https://a.example/", "app.example.com", "ftp://a.example", "https://a.example:x",
     "https://a.example:443", "http://a.example:80", "https://u@a.example", "HTTPS://a.example", "https://a.example?x", "https://"],
)  # fmt: skip
def test_what_is_no_exact_origin_is_refused_by_the_settings_name(origin):
    with pytest.raises(UnsafeSetting, match="TOOLCRIB_CORS_ORIGINS"):
        Settings.read({"TOOLCRIB_CORS_ORIGINS": origin})


def test_a_previous_root_key_is_given_in_one_way():
    said = "TOOLCRIB_ROOT_KEY_PREVIOUS and TOOLCRIB_ROOT_KEY_PREVIOUS_FILE are both set"
    with pytest.raises(UnsafeSetting, match=said):
        Settings.read({"TOOLCRIB_ROOT_KEY_PREVIOUS": "x", "TOOLCRIB_ROOT_KEY_PREVIOUS_FILE": "y"})
