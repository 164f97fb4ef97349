"""The smallest pack: one tool, one setting."""

from typing import Annotated

from pydantic import Field

from toolcrib import Context, Pack, Setting, ToolError, tool

_WORDS = {"en": "Hello", "fr": "Bonjour", "no": "Hei"}


@tool(
    "hello.say",
    effects="read",
    errors=[
        {"code": "LANGUAGE_NOT_FOUND", "description": "No greeting in this language.", "http_status": 404}
    ],
    examples=[{"input": {"name": "Ada", "language": "fr"}, "output": {"greeting": "Bonjour, Ada!"}}],
)
async def say(
    context: Context, name: Annotated[str, Field(min_length=1, max_length=80)], language: str = ""
) -> dict[str, str]:
    """Greet a person by name. Use it when somebody is to be greeted; not for translating other texts.

    Args:
        name: Whom to greet.
        language: A code such as en; empty for the usual one.
    """
    word = _WORDS.get(language or context.settings["HELLO_LANGUAGE"])
    if word is None:
        raise ToolError("LANGUAGE_NOT_FOUND", f"No greeting in {language}.", known=sorted(_WORDS))
    return {"greeting": f"{word}, {name}!"}


pack = Pack(
    "hello",
    "1.0.0",
    "Hello",
    tools=[say],
    settings=[Setting("HELLO_LANGUAGE", "en", "The language of greetings that name none.")],
)
