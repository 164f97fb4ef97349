"""Who is who at the counter: what another process changed binds the next call, rights are asked again, and streams end."""

import asyncio

import pytest

from tests.support.fakes import refusing
from tests.support.rig import open_rig
from tests.support.until import eventually
from toolcrib.contracts.errors import Forbidden, NotFound, Unauthorized, Unavailable
from toolcrib.contracts.execution import EventType, Status
from toolcrib.contracts.principal import ActorType, NewKey, Role
from toolcrib.gateway import Claims, NewGrant, NewMember
from toolcrib.identity.issuers import LEEWAY
from toolcrib.identity.service import person_id
from toolcrib.kit.db import HOUSE, DatabaseError, DatabaseUnavailable
from toolcrib.testing import open_workbench

ANN, HOUR = "jwt:acme:ann", 3_600
SOON = 0.05


async def add(rig, subject="ann", role=Role.MEMBER, *, by=None, read_only=False):
    return await rig.gateway.members.add(
        by or rig.owner, NewMember("acme", subject, subject.title(), role, read_only)
    )


async def ann_of(rig, role=Role.MEMBER, **more):
    """A member and the principal of their token."""
    member = await add(rig, role=role, **more)
    return member, await rig.gateway.credentials.principal(ANN)


class TestAnotherProcess:
    """It knows the facts of a moment ago; its next call is decided by those of now."""

    @pytest.fixture
    async def second(self, rig):
        return await rig.beside(clock=rig.clock)

    @pytest.fixture
    async def tool(self, rig):
        return await rig.register(effects="write")

    async def ann(self, rig, second, tool, **more):
        member = await add(rig, **more)
        who = await second.gateway.credentials.principal(ANN)
        assert (await second.call(tool, by=who)).status is Status.SUCCEEDED
        return member, who

    async def test_a_removed_member_calls_nothing(self, rig, second, tool):
        member, who = await self.ann(rig, second, tool)
        await rig.gateway.members.remove(rig.owner, member.id)
        with pytest.raises(Unauthorized):
            await second.call(tool, by=who)

    async def test_a_demoted_member_is_denied(self, rig, second, tool):
        member, who = await self.ann(rig, second, tool)
        await rig.gateway.members.update(rig.owner, member.id, role=Role.VIEWER)
        result = await second.call(tool, by=who)
        assert (result.status, result.error["details"]["rule"]) == (Status.DENIED, "role")

    async def test_a_member_who_only_reads_now_is_denied(self, rig, second, tool):
        member, who = await self.ann(rig, second, tool)
        await rig.gateway.members.update(rig.owner, member.id, read_only=True)
        assert (await second.call(tool, by=who)).error["details"]["rule"] == "read_only"

    async def test_so_is_everybody_in_a_workspace_that_is_read_only_now(self, rig, second, tool):
        _, who = await self.ann(rig, second, tool)
        await rig.gateway.workspaces.update(rig.owner, rig.owner.workspace_id, read_only=True)
        assert (await second.call(tool, by=who)).error["details"]["rule"] == "read_only"

    async def test_a_suspended_actor_is_refused(self, rig, second, tool):
        member, who = await self.ann(rig, second, tool)
        await rig.gateway.suspensions.suspend(rig.owner, "actor", f"user:{member.id}")
        with pytest.raises(Forbidden):
            await second.call(tool, by=who)

    async def test_a_suspended_workspace_is_refused(self, rig, second):
        stranger = await rig.workspace()
        tool = await rig.register(by=stranger)
        assert (await second.call(tool, by=stranger)).status is Status.SUCCEEDED
        await rig.gateway.workspaces.suspend(rig.owner, stranger.workspace_id, suspended=True)
        with pytest.raises(Forbidden):
            await second.call(tool, by=stranger)

    async def test_a_rotated_key_calls_nothing(self, rig, second, tool):
        key = await rig.principal()
        assert (await second.call(tool, by=key)).status is Status.SUCCEEDED
        await rig.gateway.keys.rotate(rig.owner, key.key_id)
        with pytest.raises(Unauthorized):
            await second.call(tool, by=key)

    async def test_a_key_that_is_over_calls_nothing(self, rig, second, tool):
        key = await rig.principal(expires_at=rig.clock.now() + 60_000_000)
        assert (await second.call(tool, by=key)).status is Status.SUCCEEDED
        await rig.go(60)
        with pytest.raises(Unauthorized):
            await second.call(tool, by=key)

    async def test_an_agent_of_a_demoted_member_is_denied_and_of_a_removed_one_unknown(
        self, rig, second, tool
    ):
        member, who = await self.ann(rig, second, tool, role=Role.ADMIN)
        key = await rig.key(by=who, actor_type="agent", role="admin", for_me=True)
        bot = await second.gateway.credentials.principal(key)
        assert (await second.call(tool, by=bot)).status is Status.SUCCEEDED
        await rig.gateway.members.update(rig.owner, member.id, role=Role.VIEWER)
        assert (await second.call(tool, by=bot)).status is Status.DENIED
        await rig.gateway.members.remove(rig.owner, member.id)
        with pytest.raises(Unauthorized):
            await second.call(tool, by=bot)

    async def test_a_grant_that_was_taken_back_is_missing(self, rig, second):
        tool = await rig.register(requires={"grants": ["pro"]})
        grant = await rig.gateway.grants.give(rig.owner, rig.owner.workspace_id, NewGrant("pro"))
        assert (await second.call(tool)).status is Status.SUCCEEDED
        await rig.gateway.grants.end(rig.owner, rig.owner.workspace_id, grant)
        assert (await second.call(tool)).error["details"]["rule"] == "grants"

    async def test_a_member_made_a_moment_ago_is_let_in(self, rig, second, tool):
        await second.gateway.credentials.principal(rig.owner_key)
        await add(rig)
        who = await second.gateway.credentials.principal(ANN)
        assert (await second.call(tool, by=who)).status is Status.SUCCEEDED

    async def test_one_removed_a_moment_ago_is_not(self, rig, second, tool):
        member, _ = await self.ann(rig, second, tool)
        await rig.gateway.members.remove(rig.owner, member.id)
        with pytest.raises(Unauthorized):
            await second.gateway.credentials.principal(ANN)


class TestRightsAreAskedAgain:
    async def test_who_was_an_owner_a_moment_ago_makes_none(self, rig):
        member, ann = await ann_of(rig, Role.OWNER)
        await rig.gateway.members.update(rig.owner, member.id, role=Role.ADMIN)
        with pytest.raises(Forbidden):
            await add(rig, "bob", Role.OWNER, by=ann)
        with pytest.raises(Forbidden):
            await rig.gateway.members.invite(ann, "Bob", Role.OWNER)
        with pytest.raises(Forbidden):
            await rig.gateway.keys.create(ann, NewKey("k", ActorType.AGENT, Role.OWNER))
        with pytest.raises(Forbidden):
            await rig.gateway.keys.revoke(ann, rig.owner.key_id)
        with pytest.raises(Forbidden):
            await rig.gateway.keys.rotate(ann, rig.owner.key_id)
        with pytest.raises(Forbidden):
            await rig.gateway.suspensions.suspend(ann, "actor", rig.owner.actor_id)

    async def test_nor_one_whom_another_process_demoted_meanwhile(self, rig):
        """The second process decides by facts that are old when its change begins."""
        member, _ = await ann_of(rig, Role.OWNER)
        second = await rig.beside(clock=rig.clock)
        ann = await second.gateway.credentials.principal(ANN)

        async def demote():
            await rig.gateway.members.update(rig.owner, member.id, role=Role.ADMIN)

        second.tap.before.append(demote)
        with pytest.raises(Forbidden):
            await add(second, "bob", Role.OWNER, by=ann)

    async def test_an_operator_no_more_writes_no_global_tool(self, rig):
        _, ann = await ann_of(rig, Role.OWNER)
        second = await rig.beside(clock=rig.clock)
        ann = await second.gateway.credentials.principal(ANN)

        async def demote():
            await rig.gateway.members.update(rig.owner, ann.actor_id.removeprefix("user:"), role=Role.MEMBER)

        second.tap.before.append(demote)
        with pytest.raises(Forbidden):
            await second.register(by=ann, scope="global")


class TestStreams:
    """Each is asked at every page and every heartbeat."""

    async def follow(self, rig, who):
        pages = rig.gateway.history.follow(who, None, SOON)
        assert [event async for event in one(pages)] == []
        return pages

    async def ended(self, pages, error):
        with pytest.raises(error):
            await asyncio.wait_for(to_the_end(pages), 20)

    async def test_a_removed_members_ends(self, rig):
        member, ann = await ann_of(rig)
        pages = await self.follow(rig, ann)
        await rig.gateway.members.remove(rig.owner, member.id)
        await self.ended(pages, Unauthorized)

    async def test_also_where_another_process_removed_them(self, rig):
        member, ann = await ann_of(rig)
        second = await rig.beside(clock=rig.clock)
        pages = await self.follow(second, ann)
        await rig.gateway.members.remove(rig.owner, member.id)
        await self.ended(pages, Unauthorized)

    async def test_a_suspended_ones_ends(self, rig):
        member, ann = await ann_of(rig)
        second = await rig.beside(clock=rig.clock)
        pages = await self.follow(second, ann)
        await rig.gateway.suspensions.suspend(rig.owner, "actor", f"user:{member.id}")
        await self.ended(pages, Forbidden)

    async def test_a_suspended_workspaces_ends(self, rig):
        stranger = await rig.workspace()
        second = await rig.beside(clock=rig.clock)
        pages = await self.follow(second, stranger)
        await rig.gateway.workspaces.suspend(rig.owner, stranger.workspace_id, suspended=True)
        await self.ended(pages, Forbidden)

    async def test_one_whose_token_is_over_ends(self, rig):
        _, ann = await ann_of(rig)
        pages = await self.follow(rig, ann)
        await rig.go(HOUR + LEEWAY)
        await self.ended(pages, Unauthorized)

    async def test_one_whose_key_is_over_ends(self, rig):
        key = await rig.principal(expires_at=rig.clock.now() + 60_000_000)
        pages = await self.follow(rig, key)
        await rig.go(60)
        await self.ended(pages, Unauthorized)

    async def test_a_rotated_keys_ends_after_the_overlap(self, rig):
        key = await rig.principal()
        pages = await self.follow(rig, key)
        await rig.gateway.keys.rotate(rig.owner, key.key_id, 60)
        assert [event.type async for event in one(pages)] == [EventType.KEY_ROTATED]
        await rig.go(60)
        await self.ended(pages, Unauthorized)

    async def test_an_executions_stream_ends_too(self, rig):
        tool, hanging = await rig.register(), rig.provider.hangs()
        member, ann = await ann_of(rig)
        started = await rig.call(tool, by=ann, wait=False)
        await hanging.begun.wait()
        pages = rig.gateway.history.follow_execution(ann, started.execution_id, 0, SOON)
        assert len([event async for event in one(pages)]) == 1
        await rig.gateway.members.remove(rig.owner, member.id)
        await self.ended(pages, Unauthorized)
        hanging.go.set()

    async def visit(self, rig, key):
        """The operator's stream in a workspace that shares itself."""
        visitor = await rig.gateway.credentials.principal(key, "shop")
        return await self.follow(rig, visitor)

    async def test_a_visitors_ends_with_the_sharing(self, rig):
        shop = await shared(rig)
        pages = await self.visit(rig, rig.owner_key)
        await rig.gateway.workspaces.update(shop, shop.workspace_id, share_with_admin=False)
        await self.ended(pages, Unauthorized)

    async def test_and_with_the_key_of_the_operator(self, rig):
        await shared(rig)
        key = await rig.key(role="owner")
        pages = await self.visit(rig, key)
        operator = await rig.gateway.credentials.principal(key)
        await rig.gateway.keys.revoke(rig.owner, operator.key_id)
        await self.ended(pages, Unauthorized)

    async def test_and_with_the_suspension_of_the_operator(self, rig):
        await shared(rig)
        key = await rig.key(role="owner")
        pages = await self.visit(rig, key)
        operator = await rig.gateway.credentials.principal(key)
        await rig.gateway.suspensions.suspend(rig.owner, "actor", operator.actor_id)
        await self.ended(pages, Forbidden)

    async def test_and_with_the_role_of_the_operator(self, rig):
        shop = await shared(rig)
        member, ann = await ann_of(rig, Role.OWNER)
        assert ann.operator
        facts = await rig.gateway.snapshots.of(shop.workspace_id)
        visitor = rig.gateway.stores.identity.visitor(facts.roster, ann)
        pages = await self.follow(rig, visitor)
        await rig.gateway.members.update(rig.owner, member.id, role=Role.ADMIN)
        await self.ended(pages, Unauthorized)


async def shared(rig):
    """The owner of a workspace that shares itself."""
    shop = await rig.workspace("shop")
    await rig.gateway.workspaces.update(shop, shop.workspace_id, share_with_admin=True)
    return shop


async def to_the_end(pages):
    async for _ in pages:
        pass


async def one(pages):
    """The events of the next page."""
    for event in await anext(pages):
        yield event


class TestVisits:
    async def test_there_is_none_that_the_workspace_cannot_be_told_of(self, rig):
        shop = await shared(rig)
        rig.tap.before.append(refusing(DatabaseUnavailable("away")))
        with pytest.raises(Unavailable):
            await rig.gateway.credentials.principal(rig.owner_key, "shop")
        await rig.gateway.credentials.principal(rig.owner_key, "shop")
        assert [one["type"] for one in await rig.events(shop)][-1] == "OperatorVisited"


class TestUses:
    async def test_what_could_not_be_written_is_written_later(self, rig):
        await rig.gateway.credentials.principal(rig.owner_key)
        rig.tap.before.append(refusing(DatabaseError("no")))
        await rig.gateway.uses.write()
        assert await rig.rows("SELECT * FROM key_uses") == []
        await rig.gateway.uses.write()
        assert [row["used_at"] for row in await rig.rows("SELECT * FROM key_uses")] == [rig.clock.now()]

    async def test_the_newest_use_stands(self, rig):
        for seconds in (0, 60):
            await rig.go(seconds)
            await rig.gateway.credentials.principal(rig.owner_key)
            rig.tap.before += [] if seconds else [refusing(DatabaseError("no"))]
            await rig.gateway.uses.write()
        assert [row["used_at"] for row in await rig.rows("SELECT * FROM key_uses")] == [rig.clock.now()]

    async def test_it_is_written_over_and_over(self, rig):
        keeper = asyncio.create_task(rig.gateway.uses.keep(0.01))
        await rig.gateway.credentials.principal(rig.owner_key)

        async def written():
            return await rig.rows("SELECT * FROM key_uses")

        await eventually(written, "the use of a key is written")
        keeper.cancel()

    async def test_it_raises_no_generation(self, rig):
        before = await rig.rows("SELECT generation FROM workspace_state ORDER BY workspace_id")
        await rig.gateway.credentials.principal(rig.owner_key)
        await rig.gateway.uses.write()
        assert await rig.rows("SELECT generation FROM workspace_state ORDER BY workspace_id") == before

    async def test_a_process_that_stops_writes_what_it_noted(self, rig):
        second = await rig.beside(clock=rig.clock)
        await second.gateway.credentials.principal(rig.owner_key)
        await second.gateway.stop()
        assert len(await rig.rows("SELECT * FROM key_uses")) == 1


class TestAway:
    """The database is away at each place where it is asked."""

    @pytest.mark.parametrize(
        "ask",
        [
            lambda rig: rig.gateway.credentials.principal(ANN),
            lambda rig: rig.gateway.workspaces.list(rig.owner, 10, None),
            lambda rig: rig.gateway.members.invitations(rig.owner, 10, None),
            lambda rig: rig.gateway.keys.uses(rig.owner),
        ],
    )
    async def test_that_is_told(self, rig, ask):
        rig.tap.reading.append(refusing(DatabaseUnavailable("away")))
        with pytest.raises(Unavailable):
            await ask(rig)

    async def test_a_home_without_a_workspace_is_none(self, rig):
        person = person_id("acme", "ann")
        await rig.sql(
            "INSERT INTO homes (workspace_id, person, home) VALUES (:house, :person, 'gone')",
            house=HOUSE, person=person,
        )  # fmt: skip
        with pytest.raises(Unauthorized):
            await rig.gateway.credentials.principal(ANN)

    async def test_an_invitation_to_no_workspace_is_none(self, rig):
        from toolcrib.identity.tokens import INVITATION, new_token

        claims = Claims("acme", "ann", None, None, rig.clock.now() + 1)
        with pytest.raises(NotFound):
            await rig.gateway.members.accept(claims, new_token("0" * 10, INVITATION).text)


async def test_one_who_is_called_nothing_is_called_as_the_invitation_says(rig):
    for number, (name, email) in enumerate((("Ann", "a@x.example"), (None, "a@x.example"), (None, None))):
        _, text = await rig.gateway.members.invite(rig.owner, "Whom I mean", Role.VIEWER)
        claims = Claims("acme", f"p{number}", name, email, rig.clock.now() + 1)
        await rig.gateway.members.accept(claims, text)
    names = {one.subject: one.name for one in await rig.gateway.members.list(rig.owner, 10, None)}
    assert names == {"p0": "Ann", "p1": "a@x.example", "p2": "Whom I mean"}


@pytest.mark.parametrize("odd", ["a\x00", "\x1b[2J", "\ud800", "x" * 257])
async def test_what_no_database_or_terminal_takes_is_taken_from_no_issuer(rig, odd):
    _, text = await rig.gateway.members.invite(rig.owner, "Whom I mean", Role.VIEWER)
    for issuer, subject in ((odd, "ann"), ("acme", odd), ("acme", "")):
        with pytest.raises(Unauthorized):
            await rig.gateway.members.accept(Claims(issuer, subject, None, None, rig.clock.now() + 1), text)
    await rig.gateway.members.accept(Claims("acme", "ann", odd, odd, rig.clock.now() + 1), text)
    (member,) = await rig.gateway.members.list(rig.owner, 10, None)
    assert member.name == "Whom I mean"


async def test_a_change_of_another_workspace_locks_rows_in_the_order_of_batches(empty_postgres):
    """A batch that holds the first row and wants the second meets a change that holds neither while it waits."""
    async with open_rig(empty_postgres) as rig:
        home, ledger = rig.owner.workspace_id, rig.gateway.stores.ledger
        other = await rig.workspace()
        while other.workspace_id > home:
            other = await rig.workspace()
        second, given = await rig.beside(clock=rig.clock), []

        async def batch(tx):
            await ledger.raise_generation(tx, other.workspace_id)
            give = second.gateway.grants.give(rig.owner, other.workspace_id, NewGrant("pro"))
            given.append(asyncio.create_task(give))
            await eventually(lambda: waits(rig), "the change waits")
            await ledger.raise_generation(tx, home)

        await rig.tap.inner.transact((other.workspace_id, home), batch)
        await given[0]


async def waits(rig):
    """Whether a transaction waits for another one's row."""
    return await rig.rows("SELECT 1 AS one FROM pg_locks WHERE NOT granted")


async def test_where_no_issuer_is_trusted_nobody_signs_in():
    async with open_workbench() as bench:
        for ask in (bench.gateway.credentials.principal, bench.gateway.credentials.claims):
            with pytest.raises(Unauthorized):
                await ask(ANN)
