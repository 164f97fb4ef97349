"""Two configs, place by place."""

from toolcrib.cli.difference import Change, changes


def test_equal_configs_differ_nowhere():
    assert list(changes({"a": [1, {"b": None}]}, {"a": [1, {"b": None}]})) == []


def test_each_place_is_a_pointer_with_both_values():
    found = [one.as_json() for one in changes({"a": {"b/c": 1}, "gone": 2}, {"a": {"b/c": 3}, "new~": [4]})]
    assert found == [
        {"path": "/a/b~1c", "from": 1, "to": 3},
        {"path": "/gone", "from": 2},
        {"path": "/new~0", "to": [4]},
    ]


def test_lists_are_one_place_and_true_is_not_one():
    assert list(changes([1, 2], [2, 1])) == [Change("", [1, 2], [2, 1])]
    assert list(changes({"a": True}, {"a": 1})) == [Change("/a", True, 1)]
    inside = [{"b": [True, 0]}], [{"b": [1, 0]}]
    assert list(changes({"a": inside[0]}, {"a": inside[1]})) == [Change("/a", *inside)]
    assert list(changes([{"a": 1}], [{"a": 1, "b": 2}])) == [Change("", [{"a": 1}], [{"a": 1, "b": 2}])]
