"""The page of the API: all that it needs comes from the server itself, under a policy that lets nothing else in."""

import re

import pytest

FOREIGN = re.compile(rb"(?:src|href|url)\s*[=:(]\s*[\"']?\s*(?:https?:)?//", re.IGNORECASE)


async def page(door):
    return await door.as_("")("GET", "/docs")


async def test_the_page_names_no_other_origin_and_all_that_it_names_is_there(sqlite_door):
    shown = await page(sqlite_door)
    named = re.findall(r'(?:src|href)="([^"]+)"', shown.body.decode())
    assert (shown.status, shown.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert set(named) == {
        "docs/favicon-32x32.png", "docs/swagger-ui.css", "docs/swagger-ui-bundle.js", "docs/start.js", "openapi.json",
    }  # fmt: skip
    for name in named:
        found = await sqlite_door.as_("")("GET", f"/{name}", stays=True)
        assert (found.status, len(found.body) > 100) == (200, True), name
        assert FOREIGN.search(shown.body) is None


async def test_the_root_leads_to_the_page(sqlite_door):
    answer = await sqlite_door.as_("")("GET", "/")
    assert (answer.status, answer.headers["location"]) == (307, "docs")


async def test_its_styles_and_its_start_load_nothing_from_elsewhere(sqlite_door):
    styles = (await sqlite_door("GET", "/docs/swagger-ui.css", stays=True)).body
    start = (await sqlite_door("GET", "/docs/start.js")).body
    assert set(re.findall(rb"url\([\"']?(\w+:)", styles)) == {b"data:"}
    assert b"@import" not in styles
    assert b"//" not in start
    assert b'url: "openapi.json"' in start
    assert b"validatorUrl: null" in start


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/docs", "text/html"), ("/docs/start.js", "text/javascript"), ("/docs/swagger-ui-bundle.js", "text/javascript"),
        ("/docs/swagger-ui.css", "text/css"), ("/docs/favicon-32x32.png", "image/png"),
    ],
)  # fmt: skip
async def test_every_part_is_what_it_says_under_a_strict_policy(sqlite_door, path, kind):
    headers = (await sqlite_door("GET", path, stays=True)).headers
    policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'self'"
    assert "unsafe" not in headers["content-security-policy"]
    assert (headers["content-type"].partition(";")[0], headers["x-content-type-options"]) == (kind, "nosniff")


async def test_the_page_has_no_script_or_style_of_its_own(sqlite_door):
    """The policy would refuse both."""
    text = (await page(sqlite_door)).body.decode()
    assert re.findall(r"<script[^>]*>(.*?)</script>", text, re.DOTALL) == ["", ""]
    assert re.search(r"<style|\bstyle=|\son\w+=", text) is None


@pytest.mark.parametrize(
    "name",
    ["main.py", "__init__.py", "..%2Fmain.py", "%2e%2e/main.py", "swagger-ui.css/x", "..", "", "redoc"],
)
async def test_nothing_else_of_the_package_is_handed_out(sqlite_door, name):
    answer = await sqlite_door("GET", f"/docs/{name}")
    assert (answer.status, answer.json["error"]["code"]) == (404, "NOT_FOUND")
