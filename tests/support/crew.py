"""Two workspaces with people in them, told over HTTP: `home` is the operator's, `shop` another one."""

from dataclasses import dataclass
from typing import Any

from tests.support.client import Reply
from tests.support.door import Door
from toolcrib.testing import tool_config

API = "/api/v1"


@dataclass
class Crew:
    """Everybody is a door: `operator` owns `home`, `owner` owns `shop`."""

    operator: Door
    owner: Door
    home: str
    shop: str

    @property
    def members(self) -> str:
        return f"{API}/workspaces/{self.shop}/members"

    @property
    def invitations(self) -> str:
        return f"{API}/workspaces/{self.shop}/invitations"

    @property
    def grants(self) -> str:
        return f"{API}/workspaces/{self.shop}/grants"

    async def member(self, subject: str, role: str = "member", **more: Any) -> tuple[Door, str]:
        """A person of `shop`, signed in, and their id."""
        return await self.member_by(self.owner, subject, role, **more)

    async def member_by(self, by: Door, subject: str, role: str = "member", **more: Any) -> tuple[Door, str]:
        """One whom somebody else made a member."""
        body = {"issuer": "acme", "subject": subject, "name": subject.title(), "role": role, **more}
        made = await by("POST", self.members, body)
        assert made.status == 201, made.body
        return self.person(subject), made.json["id"]

    def person(self, subject: str) -> Door:
        """Whoever signed in at the issuer, a member or not."""
        return self.owner.as_(f"jwt:acme:{subject}")

    async def key(self, by: Door, name: str, **wanted: Any) -> Door:
        """The holder of a new key."""
        made = await by("POST", f"{API}/keys", {"name": name, **wanted})
        assert made.status == 201, made.body
        return self.owner.as_(made.json["key"])

    async def tool(self, name: str, **parts: Any) -> str:
        """A tool of `shop`, which does more than read unless `parts` say so."""
        made = await self.owner("POST", f"{API}/tools", tool_config(name, **{"effects": "write", **parts}))
        assert made.status == 201, made.body
        return name

    async def call(self, by: Door, tool: str, headers: dict[str, str] | None = None) -> Reply:
        return await by("POST", f"{API}/tools/{tool}/execute", {"input": {}}, headers=headers)


def refused(reply: Reply) -> tuple[Any, ...]:
    """Status, code and reason of a refusal."""
    error = reply.json["error"]
    return reply.status, error["code"], error["details"].get("reason")


async def crew_of(operator: Door) -> Crew:
    """Over a new house."""
    me = (await operator("GET", f"{API}/me")).json
    made = (await operator("POST", f"{API}/workspaces", {"name": "shop"})).json
    return Crew(operator, operator.as_(made["key"]), me["workspace_id"], made["id"])
