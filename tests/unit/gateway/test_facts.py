"""What is read out of a tool for policy."""

import pytest

from toolcrib.gateway.facts import host_of


@pytest.mark.parametrize(
    ("api", "host"),
    [
        ({"base_url": "https://Api.Example.:8443/v1"}, "api.example"), ({"base_url": "https://[::1]/x"}, "::1"),
        ({"base_url": "https://[x"}, None), ({"base_url": "/x"}, None), ({}, None),
    ],
)  # fmt: skip
def test_the_host_that_a_tool_calls_is_named_as_a_suspension_names_it(api, host):
    assert host_of(api) == host
