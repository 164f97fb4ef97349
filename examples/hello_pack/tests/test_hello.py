"""The pack on a workbench of its own: `python -m pytest` in this folder, where toolcrib and hello-pack are installed."""

import asyncio
from typing import Any

from hello_pack import pack
from toolcrib.testing import open_workbench


def answer(**given: Any) -> Any:
    async def ask() -> Any:
        async with open_workbench(packs=[pack], settings={"HELLO_LANGUAGE": "no"}) as bench:
            result = await bench.call("hello.say", given)
            return result.output or result.error["code"]

    return asyncio.run(ask())


def test_a_person_is_greeted() -> None:
    assert answer(name="Ada", language="fr") == {"greeting": "Bonjour, Ada!"}
    assert answer(name="Ada") == {"greeting": "Hei, Ada!"}
    assert answer(name="Ada", language="la") == "LANGUAGE_NOT_FOUND"
