"""A root key is replaced under a running trade: calls and API keys go on, and the old key is left out when nothing needs it."""

import base64
import json
import secrets

import pytest

from tests.acceptance.shell import Shell
from tests.support.server import prepare_server
from tests.support.until import until

OLD, NEW, OTHER = (base64.b64encode(secrets.token_bytes(32)).decode() for _ in range(3))


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_a_root_key_is_replaced(database, tmp_path, request):
    url = request.getfixturevalue("fresh_database")() if database == "postgresql" else None

    def started(**env):
        names = {
            "key": "TOOLCRIB_ROOT_KEY",
            "previous": "TOOLCRIB_ROOT_KEY_PREVIOUS",
            "file": "TOOLCRIB_ROOT_KEY_PREVIOUS_FILE",
        }
        server = prepare_server(
            tmp_path / "data", {names[name]: value for name, value in env.items()}, database_url=url
        )
        server.spawn()
        return server

    def refuses(said, **env):
        server = started(**env)
        assert server.wait() != 0
        assert said in server.stderr
        assert "Traceback" not in server.stderr
        assert not any(key in server.stderr for key in (OLD, NEW, OTHER))

    first = prepare_server(tmp_path / "data", {"TOOLCRIB_ROOT_KEY": OLD}, database_url=url)
    first.start()
    first.client.call("POST", "/api/v1/secrets", {"name": "K", "value": "s3cr3t-value"})
    first.stop()
    refuses("The root key is not the one", key=OTHER)
    refuses("The root key is not the one", key=NEW)
    refuses("is the root key itself", key=OLD, previous=OLD)
    refuses("must be 32 random bytes", key=NEW, previous="short")
    refuses("there is no file", key=NEW, file=str(tmp_path / "none"))
    second = prepare_server(
        tmp_path / "data", {"TOOLCRIB_ROOT_KEY": NEW, "TOOLCRIB_ROOT_KEY_PREVIOUS": OLD}, database_url=url
    )
    second.start()
    until(
        lambda: second.client.call("GET", "/api/v1/secrets/rotation").json["root"] == 0, "all is wrapped anew"
    )
    env = {"TOOLCRIB_URL": second.url, "TOOLCRIB_DATA_DIR": str(second.data_dir)}
    told = json.loads(Shell(tmp_path, env).run("doctor", "--json").out)["checks"]
    (keys,) = [one for one in told if one["check"] == "keys"]
    assert (keys["ok"], "0 rows of all need the previous root key" in keys["found"]) == (True, True)
    second.stop()
    refuses("The root key is not the one", key=OLD)
    third = prepare_server(tmp_path / "data", {"TOOLCRIB_ROOT_KEY": NEW}, database_url=url)
    third.start()
    assert third.client.call("GET", "/api/v1/secrets/rotation").json == {
        "key_version": 1,
        "left": 0,
        "root": 0,
    }
    third.stop()
