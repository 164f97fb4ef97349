"""`toolcrib packs`: what a server has loaded."""

from typing import Any

from .command import command, group, show
from .session import Session

app = group("packs", "Packs of tools that the server has loaded: list.")


@command(app, "list", example="toolcrib packs list", paged=True)
def list_packs(session: Session) -> None:
    """List the packs that the server has loaded, with their tools and settings."""
    show(
        session,
        session.ask("GET", "/packs", query=session.query),
        lambda page: _list_view(page, session.query),
    )


def _list_view(page: dict[str, Any], query: dict[str, str]) -> None:
    from .views import empty, more, pairs  # noqa: PLC0415 rich is needed only for people

    if not page["items"]:
        empty(query, "no packs; name them in TOOLCRIB_PACKS and start the server again")
    for number, pack in enumerate(page["items"]):
        if number:
            print()
        told = pack["description"] or pack["title"]
        settings = "\n".join(_setting(one) for one in pack["settings"])
        pairs(
            [
                ("pack", f"{pack['name']} {pack['version']}"), ("about", told or None),
                ("tools", ", ".join(pack["tools"]) or "none"), ("settings", settings or None),
                ("views", "\n".join(_view(one) for one in pack["views"]) or None),
            ]
        )  # fmt: skip
    more(page)


def _setting(one: dict[str, Any]) -> str:
    default = f" ({one['default']})" if one["default"] else ""
    return f"{one['name']}{default} {one['description']}".strip()


def _view(one: dict[str, Any]) -> str:
    about = f" of a {one['subject']}" if one["subject"] else ""
    return f"{one['name']}{about}{', only reads' if one['read_only'] else ''}: {', '.join(one['tools'])}"
