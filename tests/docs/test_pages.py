"""What holds for every page: links lead somewhere, decisions are listed, blocks say what they are."""

import re
import subprocess
import sys
from fnmatch import fnmatch

from tests.docs.pages import DOCS, ROOT, blocks, pages

LANGUAGES = {"bash", "text", "toml", "json", "mermaid"}
MARKS = {"", "fails", "tool-config"}


def test_every_link_leads_somewhere():
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "docs.py"], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stdout


def test_every_decision_is_listed_by_its_title():
    listed = dict(
        re.findall(r"^\d+\. \[(.+)\]\((.+)\)$", (DOCS / "adr" / "README.md").read_text("utf-8"), re.MULTILINE)
    )
    titles = {
        path.name: path.read_text("utf-8").partition("\n")[0] for path in (DOCS / "adr").glob("[0-9]*.md")
    }

    assert {name: f"# {int(name[:4])}. {title}" for title, name in listed.items()} == titles


def test_every_decision_has_context_choice_and_price():
    parts = {
        path.name: re.findall(r"^## (.+)$", path.read_text("utf-8"), re.MULTILINE)
        for path in (DOCS / "adr").glob("[0-9]*.md")
    }

    assert [name for name, found in parts.items() if found != ["Context", "Choice", "Price"]] == []


def test_decisions_are_numbered_without_a_gap():
    numbers = sorted(int(path.name[:4]) for path in (DOCS / "adr").glob("[0-9]*.md"))

    assert numbers == list(range(1, len(numbers) + 1))


def test_every_page_is_linked_from_the_front_pages():
    fronts = "".join(
        path.read_text("utf-8")
        for path in (ROOT / "README.md", DOCS / "README.md", DOCS / "adr" / "README.md")
    )
    unlinked = [page.name for page in pages() if page.name != "README.md" and f"{page.name})" not in fronts]

    assert [name for name in unlinked if not (DOCS / "trials" / name).exists()] == []


def test_both_front_pages_name_every_how_to():
    how_tos = {page.name for page in (DOCS / "howto").glob("*.md")}

    for front in (ROOT / "README.md", DOCS / "README.md"):
        assert set(re.findall(r"howto/([\w-]+\.md)", front.read_text("utf-8"))) == how_tos


def test_what_the_examples_write_into_a_checkout_is_ignored():
    ignored = [line.strip("/") for line in (ROOT / ".gitignore").read_text("utf-8").splitlines()]
    commands = [block.text for page in pages() for block in blocks(page) if block.language == "bash"]
    written = {
        name
        for text in commands
        for line in text.splitlines()
        if not line.startswith((" ", "async def", "def"))
        for name in re.findall(r" > (\w[\w.]*)", line)
    }

    assert written
    assert [name for name in sorted(written) if not any(fnmatch(name, one) for one in ignored)] == []


def test_every_block_names_a_known_language():
    every = [block for page in pages() for block in blocks(page)]

    assert [
        block.place for block in every if block.language not in LANGUAGES or block.mark not in MARKS
    ] == []


def test_no_fence_is_left_open():
    fences = {page: re.findall(r"^```", page.read_text("utf-8"), re.MULTILINE) for page in pages()}

    assert [page.name for page, found in fences.items() if len(found) != 2 * len(blocks(page))] == []
