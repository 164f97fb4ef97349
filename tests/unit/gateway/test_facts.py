"""What is read out of a tool and of its workspace for policy."""

from dataclasses import replace

import pytest

from toolcrib.gateway.facts import Facts, as_far_as_policy, reach_of
from toolcrib.identity.service import Roster, Workspace
from toolcrib.kit.http import Reach


class Tool:
    """Of a stored tool only its contract is asked."""

    def __init__(self, api):
        self.api = api

    def document(self):
        return self.api


def facts(*suspended, hosts=None):
    roster = Roster(Workspace("w", "w", hosts=hosts), suspended=frozenset(suspended))
    return Facts("w", 1, 1, roster, reach=reach_of(roster))


@pytest.mark.parametrize(
    ("base_url", "reason"),
    [
        ("https://Api.Example.:8443/v 1", "host_suspended"), ("HTTPS://API.EXAMPLE", "host_suspended"), ("https://[::1]/x", "host_suspended"),
        ("https://api.example.org", "workspace_hosts"), ("https://other.example/a b/ü", None), ("https://[x", None), ("/x", None), ("", None),
    ],
)  # fmt: skip
def test_the_host_of_a_tool_is_read_as_the_sender_reads_it(base_url, reason):
    said = facts(
        ("host", "api.example"), ("host", "[::1]"), ("actor", "other.example"), hosts=("other.example",)
    )
    assert said.beyond(Tool({"api": {"base_url": base_url}})) == reason


@pytest.mark.parametrize("document", [{}, {"api": None}, {"api": {}}])
def test_a_tool_without_an_address_is_kept_from_nowhere(document):
    assert facts(hosts=("other.example",)).beyond(Tool(document)) is None


def test_where_a_workspace_says_nothing_of_hosts_no_contract_is_read():
    said = facts(("actor", "agent:bot"))
    assert said.reach is None
    assert said.beyond(None) is None


def test_a_list_that_cannot_be_read_any_more_lets_nothing_out():
    assert reach_of(replace(Roster.of("w"), workspace=Workspace("w", "w", hosts=("a b",)))) == Reach(())


def test_who_is_told_by_nobody_narrows_nothing():
    assert as_far_as_policy("w", Reach(())) is None
