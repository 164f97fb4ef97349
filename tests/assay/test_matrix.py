"""The matrix knows every route, and nothing else; whoever adds a route adds its entry."""

import copy

import pytest

from assay.matrix import disagreements, matrix
from tests.assay.cast import actions


def test_the_matrix_is_the_servers_routes(openapi):
    assert disagreements(openapi, matrix()) == []
    assert len(matrix()) >= 33


def test_every_route_stands_in_the_table_of_roles():
    told = {(action.entry.method, action.entry.route) for action in actions()}
    assert [
        str(entry) for entry in matrix() if not entry.open and (entry.method, entry.route) not in told
    ] == []


def test_a_route_without_an_entry_is_named(openapi):
    more = copy.deepcopy(openapi)
    more["paths"]["/api/v1/doors"] = {"get": {}, "parameters": []}

    assert disagreements(more, matrix()) == ["GET /api/v1/doors has no entry in the matrix"]


def test_an_entry_without_a_route_is_named(openapi):
    less = copy.deepcopy(openapi)
    del less["paths"]["/api/v1/keys"]["post"]

    assert disagreements(less, matrix()) == ["POST /api/v1/keys is in the matrix, but there is no such route"]


@pytest.mark.parametrize(("place", "kind"), [("path", "path"), ("query", "query"), ("header", "headers")])
def test_a_parameter_that_the_matrix_does_not_know_is_named(openapi, place, kind):
    more = copy.deepcopy(openapi)
    more["paths"]["/api/v1/audit"]["get"]["parameters"].append({"in": place, "name": "door"})

    assert disagreements(more, matrix()) == [
        f"GET /api/v1/audit: the matrix does not say what door in its {kind} names"
    ]


def test_a_parameter_that_is_gone_is_named(openapi):
    less = copy.deepcopy(openapi)
    less["paths"]["/api/v1/events"]["get"]["parameters"] = []

    assert disagreements(less, matrix()) == [
        "GET /api/v1/events: the matrix names Last-Event-ID in its headers, the route does not"
    ]


@pytest.mark.parametrize(
    ("route", "method", "said"),
    [
        ("/api/v1/keys", "get", "the matrix has no body for it"),
        ("/api/v1/keys", "post", "the matrix has a body, the route takes none"),
    ],
)
def test_a_body_on_one_side_only_is_named(openapi, route, method, said):
    other = copy.deepcopy(openapi)
    operation = other["paths"][route][method]
    operation.pop("requestBody") if method == "post" else operation.update(requestBody={})

    assert disagreements(other, matrix()) == [f"{method.upper()} {route}: {said}"]
