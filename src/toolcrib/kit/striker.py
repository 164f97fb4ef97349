"""Secrets struck out of a text that comes in chunks, wherever the chunks are cut."""

from toolcrib.kit.strike import Strikes


class Striker:
    """For one stream, fed in order. What may be the beginning of a secret is held back until it is known to be none, and
    where forms overlap all of them go: the text that comes out is the same however it was cut.
    """

    def __init__(self, strikes: Strikes) -> None:
        self._strikes = strikes
        self._held = b""
        self._struck = 0  # bytes of what is held that belong to a form which was found already

    def feed(self, chunk: bytes) -> bytes:
        """What may go out now."""
        return self._next(self._held + chunk, last=False)

    def end(self) -> bytes:
        """The rest."""
        return self._next(self._held, last=True)

    def _next(self, text: bytes, *, last: bool) -> bytes:
        lowered, out, struck, at = text.lower(), [], self._struck, 0
        cut = len(text) if last else self._strikes.unfinished(text, lowered)
        while (found := self._strikes.first(text, lowered, at)) and found.start < cut:
            if found.start >= struck:
                out += [text[struck : found.start], found.mark]
            struck, at = max(struck, found.end), found.start + 1
        out.append(text[struck:cut])
        self._held, self._struck = text[cut:], max(struck - cut, 0)
        return b"".join(out)


def struck_start(text: str, most: int, strikes: Strikes | None) -> str:
    """The beginning of a text, of at most so many characters before striking: a secret that the cut would leave in half
    goes whole.
    """
    start = text[:most].encode("utf-8", "replace")
    if strikes is None:
        return start.decode()
    struck = strikes.strike(start) if len(text) <= most else Striker(strikes).feed(start)
    return struck.decode("utf-8", "replace")
