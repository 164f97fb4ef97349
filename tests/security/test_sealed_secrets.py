"""T42, T43, T45: what lies on the disk opens for nobody else, and holds no key but the owner's own file."""

import base64
import re
import sqlite3
import zlib

import pytest

from tests.security.errors import error_of, is_error
from tests.security.house import open_house
from tests.security.test_secret_canaries import dump, files, logs

VALUE = "the-value-of-secret-{name}-0123456789"
GET = (
    "SELECT sealed FROM secrets WHERE name = ? AND workspace_id = (SELECT id FROM workspaces WHERE name = ?)"
)
PUT = "UPDATE secrets SET sealed = ? WHERE name = ? AND workspace_id = (SELECT id FROM workspaces WHERE name = ?)"
# What becomes of a secret's own sealed bytes; A's are another secret's.
WRONGS = {
    "FOREIGN": lambda own, a: a,
    "FOREIGN_NONCE": lambda own, a: a[:12] + own[12:],
    "FOREIGN_END": lambda own, a: own[:-16] + a[-16:],
    "ONE_BIT": lambda own, a: own[:20] + bytes([own[20] ^ 1]) + own[21:],
    "LAST_BIT": lambda own, a: own[:-1] + bytes([own[-1] ^ 0x80]),
    "LONGER": lambda own, a: own + b"\0",
    "SHORTER": lambda own, a: own[:-1],
    "TAG_ONLY": lambda own, a: own[:28],
    "NONCE_ONLY": lambda own, a: own[:12],
    "FIVE_BYTES": lambda own, a: own[:5],
    "ONE_BYTE": lambda own, a: b"\0",
    "EMPTY": lambda own, a: b"",
    "ZEROS": lambda own, a: bytes(64),
    "IN_CLEAR": lambda own, a: b"a value that lies there in clear",
}


@pytest.fixture(scope="module")
def still(stage, tmp_path_factory):
    """A house of its own on SQLite, whose file somebody edited while it rested."""
    with open_house(tmp_path_factory.mktemp("sealed"), stage) as house:
        for name in ("A", "AGED", "SWAPPED_1", "SWAPPED_2", "MENDED", *WRONGS):
            house.secret(VALUE.format(name=name), name)
        house.secret("their-own-value", "A", client=house.stranger)
        house.secret("their-own-other-value", "B", client=house.stranger)
        path = house.server.data_dir / "toolcrib.db"
        house.server.stop()
        aged = sealed(path, "AGED")
        house.server.start()
        house.secret("a-newer-value", "AGED")
        house.server.stop()
        edit(path, aged)
        house.server.start()
        yield house


def edit(path, aged):
    a, one, two = (sealed(path, name) for name in ("A", "SWAPPED_1", "SWAPPED_2"))
    wrongs = [(wrong(sealed(path, name), a), name, "default") for name, wrong in WRONGS.items()]
    wrongs += [
        (two, "SWAPPED_1", "default"),
        (one, "SWAPPED_2", "default"),
        (a, "MENDED", "default"),
        (aged, "AGED", "default"),
        (a, "A", "other"),
    ]
    database = sqlite3.connect(path)
    changed = [database.execute(PUT, wrong).rowcount for wrong in wrongs]
    database.commit()
    database.close()
    assert changed == [1] * len(wrongs)


def sealed(path, name, workspace="default"):
    ((found,),) = rows(path, GET, name, workspace)
    return found


def rows(path, sql, *values):
    database = sqlite3.connect(path)
    found = database.execute(sql, values).fetchall()
    database.close()
    return found


def use(house, name, client=None):
    """What a call with this secret answers, and what the upstream was sent."""
    house.stage.heard.clear()
    tool = house.tool("/use", client=client, api={"auth": {"method": "bearer", "secret_ref": f"${{{name}}}"}})
    answer = house.execute(tool, client=client)
    return answer, [heard.header("authorization") for heard in house.stage.heard]


def test_untouched_secrets_open(still):
    assert use(still, "A")[1] == [b"Bearer " + VALUE.format(name="A").encode()]
    assert use(still, "B", still.stranger)[1] == [b"Bearer their-own-other-value"]


@pytest.mark.parametrize("name", [*WRONGS, "SWAPPED_1", "SWAPPED_2", "AGED"])
def test_sealed_bytes_that_are_not_this_rows_own_do_not_open(still, name):
    answer, sent = use(still, name)

    assert is_error(answer, "SECRET_NOT_FOUND"), answer.body
    assert sent == []
    assert still.execution(answer.json["execution_id"])["error_code"] == "SECRET_NOT_FOUND"


def test_a_secret_copied_into_another_workspace_does_not_open_there(still):
    answer, sent = use(still, "A", still.stranger)

    assert is_error(answer, "SECRET_NOT_FOUND"), answer.body
    assert sent == []


def test_a_tampered_secret_is_mended_by_setting_it_again(still):
    assert is_error(use(still, "MENDED")[0], "SECRET_NOT_FOUND")

    still.secret("set-anew-0001", "MENDED")

    assert use(still, "MENDED")[1] == [b"Bearer set-anew-0001"]


def test_api_keys_lie_nowhere_but_in_the_owners_file(each_house, tmp_path):
    clients = [
        each_house.key(name=f"k{n}", role=role)
        for n, role in enumerate(("owner", "admin", "member", "viewer"))
    ]
    for client in clients:
        client.call("GET", "/api/v1/tools")
    texts = [client.key for client in (*clients, each_house.client, each_house.stranger)]
    owner = str(each_house.server.data_dir / "owner.key")

    places = {**files(each_house), **logs(each_house), **dump(each_house, tmp_path)}

    for text in texts:
        secret = re.fullmatch(r"tcb_[0-9a-z]+_[0-9a-z]+_([0-9a-f]{64})[0-9a-f]{8}", text)[1]
        forms = [
            text.encode(),
            secret.encode(),
            bytes.fromhex(secret),
            base64.b64encode(secret.encode()),
            base64.b64encode(bytes.fromhex(secret)),
            text[::-1].encode(),
        ]
        found = {
            where for where, held in places.items() for form in forms if form in held or form.upper() in held
        }
        assert found == ({owner} if text == each_house.client.key else set()), text


def test_the_files_are_for_their_owner_alone(house):
    folder = house.server.data_dir
    assert folder.stat().st_mode & 0o077 == 0
    assert {
        path.name for path in (folder / "owner.key", folder / "root.key") if path.stat().st_mode & 0o077
    } == set()


@pytest.mark.parametrize("change", [
    lambda key: key[:-1] + ("0" if key[-1] != "0" else "1"), lambda key: key[:-1], lambda key: key + "0", lambda key: key.upper(), lambda key: key.replace("tcb", "tcc"),
    lambda key: "", lambda key: "tcb_", lambda key: key.split("_")[3], lambda key: key * 2, lambda key: "x" * 100_000, lambda key: "\xff" * 50,
    lambda key: "_".join([*key.split("_")[:3], "0" * 72]), lambda key: key.replace(key.split("_")[2], "0" * 12), lambda key: key.replace(key.split("_")[1], "0" * 10),
    lambda key: "null", lambda key: "../../root.key", lambda key: "' OR 1=1 --",
])  # fmt: skip
def test_what_is_nearly_a_key_is_none(house, change):
    changed = change(house.client.key)
    reply = house.line.send("GET", "/api/v1/tools", None, {"Authorization": f"Bearer {changed}"})

    assert is_error(reply, "UNAUTHORIZED") or (len(changed) > 60_000 and reply.status == 431), reply.body
    assert house.client.call("GET", "/api/v1/tools").status == 200


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer ", "Basic {key}", "{key}", "Token {key}", "bearer: {key}", "Bearer\t{key}"],
)
def test_a_key_in_another_dress_is_none(house, header):
    reply = house.line.send(
        "GET", "/api/v1/tools", None, {"Authorization": header.format(key=house.client.key)}
    )

    assert is_error(reply, "UNAUTHORIZED"), reply.body
    assert reply.headers["www-authenticate"] == "Bearer"


def test_the_stored_digest_is_no_key(still):
    stolen = "SELECT workspace_id, id, digest FROM keys WHERE name = 'owner' LIMIT 1"
    ((workspace, key_id, digest),) = rows(still.server.data_dir / "toolcrib.db", stolen)

    body = f"tcb_{workspace}_{key_id}_{digest.hex()}"
    reply = still.client.call("GET", "/api/v1/tools", key=f"{body}{zlib.crc32(body.encode()):08x}")

    assert error_of(reply)["code"] == "UNAUTHORIZED"
