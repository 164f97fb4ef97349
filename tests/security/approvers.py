"""A workspace full of people, agents and services, whose calls wait for each other; every tool there leads to the stage."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.security.house import House, new_name, open_house
from tests.security.stage import Stage
from tests.support.client import Client, Reply
from tests.support.mint import AUDIENCE, ISSUER, SECRET, Minter

API = "/api/v1"
_numbers = itertools.count(1)
_SIGNED = Minter("HS256", SECRET, kid=None)
_ISSUERS = {
    "TOOLCRIB_JWT_ISSUERS": "corp",
    "TOOLCRIB_JWT_SHARED_SECRETS": "on",
    "TOOLCRIB_JWT_CORP_ISSUER": ISSUER,
    "TOOLCRIB_JWT_CORP_AUDIENCE": AUDIENCE,
    "TOOLCRIB_JWT_CORP_ALGORITHM": "HS256",
    "TOOLCRIB_JWT_CORP_SECRET": SECRET.decode(),
}


@dataclass
class Shop:
    """One workspace of a house; `owner` owns it, `cast` is everybody by name."""

    house: House
    id: str
    owner: Client
    cast: dict[str, Client] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)

    def key(self, name: str, by: Client | None = None, **wanted: Any) -> Client:
        """The holder of a new key, a person's unless another type is wanted."""
        body = {"name": name, "actor_type": "user", "role": "member"} | wanted
        made = (by or self.owner).call("POST", f"{API}/keys", body)
        assert made.status == 201, made.body
        self.cast[name], self.ids[name] = self.owner.as_(made.json["key"]), made.json["id"]
        return self.cast[name]

    def person(self, name: str, role: str = "member", **more: Any) -> Client:
        """A member who signed in."""
        subject = f"{name} of {self.id}"
        body = {"issuer": ISSUER, "subject": subject, "name": name, "role": role, **more}
        made = self.owner.call("POST", f"{API}/workspaces/{self.id}/members", body)
        assert made.status == 201, made.body
        self.cast[name], self.ids[name] = signed_in(self.owner, subject), made.json["id"]
        return self.cast[name]

    def tool(self, path: str, **parts: Any) -> str:
        """A tool that destroys something on stage."""
        api = {"method": "POST"} | parts.pop("api", {})
        return self.house.tool(path, client=self.owner, effects="destructive", api=api, **parts)

    def rule(self, name: str, **rule: Any) -> None:
        made = self.owner.call("PUT", f"{API}/approval-rules/{name}", rule)
        assert made.status == 200, made.body

    def ran(self, path: str) -> int:
        """How often the stage heard of it."""
        return len(self.house.stage.at(path))


def shop_of(house: House, name: str) -> Shop:
    """A new workspace of the house."""
    made = house.client.call("POST", f"{API}/workspaces", {"name": name})
    assert made.status == 201, made.body
    return Shop(house, made.json["id"], Client(house.server.url, made.json["key"]))


def signed_in(client: Client, subject: str) -> Client:
    """Whoever signed in at the issuer, a member or not."""
    return client.as_(_SIGNED.token(claims=_SIGNED.claims(sub=subject)))


@contextmanager
def open_corp(folder: Path, stage: Stage, database_url: str | None = None, **env: str) -> Iterator[House]:
    """A house whose people sign in."""
    with open_house(folder, stage, database_url, **_ISSUERS, **env) as house:
        yield house


def ask(caller: Client, tool: str, given: Any = None, **more: Any) -> Reply:
    """A call that is meant."""
    headers = more.pop("headers", None)
    body = {"input": {"n": next(_numbers)} if given is None else given, "dry_run": False, **more}
    return caller.call("POST", f"{API}/tools/{tool}/execute", body, headers=headers)


def held(caller: Client, tool: str, given: Any = None, **more: Any) -> str:
    """The approval of a call that waits."""
    reply = ask(caller, tool, given, **more)
    assert reply.status == 202, reply.body
    assert reply.json["status"] == "awaiting_approval", reply.body
    return str(reply.json["approval_id"])


def approve(who: Client, approval: str, **more: Any) -> Reply:
    return who.call("POST", f"{API}/approvals/{approval}/approve", **more)


def deny(who: Client, approval: str, note: str | None = None) -> Reply:
    return who.call("POST", f"{API}/approvals/{approval}/deny", {} if note is None else {"note": note})


def shown(who: Client, approval: str) -> dict[str, Any]:
    reply = who.call("GET", f"{API}/approvals/{approval}")
    assert reply.status == 200, reply.body
    found: dict[str, Any] = reply.json
    return found


def unheard() -> str:
    """A path on stage that nobody called yet."""
    return f"/{new_name()}"
