"""How a command is declared: a function of a `Session`, with `--url` and `--json` on each, and refusals told one way."""

import inspect
import sys
from collections.abc import Callable
from typing import Annotated, Any

import typer

from .exits import Exit
from .refused import Refused, tell
from .session import Answer, Session

Function = Callable[..., Any]
_URL = Annotated[
    str | None,
    typer.Option("--url", metavar="URL", help="The server. Else TOOLCRIB_URL, else http://127.0.0.1:8000."),
]
_JSON = Annotated[bool, typer.Option("--json", help="Print the API's JSON.")]
_WORKSPACE = Annotated[
    str | None,
    typer.Option(
        "--workspace", metavar="WORKSPACE", help="Where you are in several. Else TOOLCRIB_WORKSPACE."
    ),
]
_LIMIT = Annotated[int | None, typer.Option("--limit", metavar="N", help="Lines of a page, 1 to 200.")]
_CURSOR = Annotated[
    str | None, typer.Option("--cursor", metavar="TEXT", help="Where to go on, as the page before said.")
]
_FROM = Annotated[
    str | None,
    typer.Option("--from", metavar="TIME", help="Made at or after this, such as 2027-01-31T12:00:00Z."),
]
_TO = Annotated[str | None, typer.Option("--to", metavar="TIME", help="Made before this.")]
_KEY = Annotated[
    str | None,
    typer.Option(
        "--idempotency-key",
        "--key",
        metavar="KEY",
        help="Sent again, it does nothing twice and answers the same.",
    ),
]
_NO_WAIT = Annotated[bool, typer.Option("--no-wait", help="Leave once the call is recorded; print its id.")]
_SELECT = Annotated[
    list[str] | None,
    typer.Option("--select", metavar="PATH", help="Only this field of the output; repeat it for more."),
]
_IDS_ONLY = Annotated[bool, typer.Option("--ids-only", help="Only the ids of an output that is a list.")]
_MOST = Annotated[int | None, typer.Option("--limit", metavar="N", help="At most so many elements of it.")]
_VIEW = Annotated[
    str | None, typer.Option("--view", metavar="NAME", help="The view of a pack that the call is made in.")
]
_OWN = {"url": (_URL, None), "json": (_JSON, False), "at": (_WORKSPACE, None)}
_PAGE = {"limit": (_LIMIT, None), "cursor": (_CURSOR, None)}
_TIMES = {"from_": (_FROM, None), "to": (_TO, None)}
_PART = {"select": (_SELECT, None), "ids_only": (_IDS_ONLY, False), "most": (_MOST, None)}
_ASKED = {"view": (_VIEW, None), **_PART}
_CALL = {"idempotency_key": (_KEY, None), "no_wait": (_NO_WAIT, False), **_ASKED}


def group(name: str, about: str) -> typer.Typer:
    """Commands on one noun."""
    return typer.Typer(name=name, help=about, no_args_is_help=True, rich_markup_mode=None)


def command(
    app: typer.Typer,
    name: str,
    *,
    example: str,
    paged: bool = False,
    timed: bool = False,
    calling: bool = False,
) -> Callable[[Function], Function]:
    """Register a function whose first parameter is the session; an answer that it returns decides the exit code."""

    def register(function: Function) -> Function:
        added = _OWN | (_PAGE if paged else {}) | (_TIMES if timed else {}) | (_CALL if calling else {})

        def run(context: typer.Context, **given: Any) -> None:
            session = _session(context, {name: given.pop(name) for name in added})
            _exit(function, session, given)

        run.__signature__ = _signature(function, added)  # type: ignore[attr-defined]  # what typer reads
        run.__annotations__ = {}
        run.__name__ = function.__name__
        app.command(name, help=f"{inspect.getdoc(function)}\n\n\b\nExample:\n  {example}")(run)
        return function

    return register


def show(session: Session, answer: Answer, view: Callable[[Any], None]) -> None:
    """Print an answer: the API's JSON, or a view of it."""
    if session.as_json:
        write_json(answer.raw)
        return
    try:
        view(answer.document)
    except (KeyError, TypeError, AttributeError) as error:
        message = f"the server's answer is not what this command expects ({type(error).__name__})"
        raise Refused(
            "UNEXPECTED_ANSWER",
            message,
            next_step="compare the versions of server and CLI; --json prints the answer",
        ) from error


def write_json(raw: bytes) -> None:
    """The bytes as they came; on a terminal what it might obey is escaped, which leaves the value the same."""
    from .safe import safe_json  # noqa: PLC0415 only on a terminal

    if not raw:
        return
    if sys.stdout.isatty():
        print(safe_json(raw.decode("utf-8", "replace")))
        return
    sys.stdout.flush()
    sys.stdout.buffer.write(raw + b"\n")
    sys.stdout.buffer.flush()


def _session(context: typer.Context, own: dict[str, Any]) -> Session:
    whole = context.find_root().obj or {}
    given = {name.rstrip("_"): own[name] for name in (*_PAGE, *_TIMES) if own.get(name) is not None}
    query = {name: str(value) for name, value in given.items()}
    url, as_json = own["url"] or whole.get("url"), own["json"] or whole.get("json", False)
    workspace = own["at"] or whole.get("workspace")
    part = {"limit" if name == "most" else name: own.get(name) or None for name in _ASKED}
    return Session(url, as_json, query, _headers(own), part, workspace=workspace)


def _headers(own: dict[str, Any]) -> dict[str, str]:
    """What a call asks for in headers."""
    key = own.get("idempotency_key")
    asked = {} if key is None else {"Idempotency-Key": str(key)}
    return asked | ({"Prefer": "respond-async"} if own.get("no_wait") else {})


def _exit(function: Function, session: Session, given: dict[str, Any]) -> None:
    try:
        function(session, **given)
    except Refused as refused:
        if session.as_json and refused.raw:
            write_json(refused.raw)
        tell(refused)
        raise typer.Exit(refused.exit) from None
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    raise typer.Exit(Exit.OK)


def _signature(function: Function, added: dict[str, tuple[Any, Any]]) -> inspect.Signature:
    keyword = inspect.Parameter.KEYWORD_ONLY
    context = inspect.Parameter("context", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context)
    _, *theirs = inspect.signature(function).parameters.values()
    ours = [
        inspect.Parameter(name, keyword, annotation=kind, default=usual)
        for name, (kind, usual) in added.items()
    ]
    return inspect.Signature([context, *(one.replace(kind=keyword) for one in theirs), *ours])
