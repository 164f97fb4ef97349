"""A guest's pack that fetches whatever it is told: the way out is the house's, however careless the guest."""

from toolcrib import Context, Pack, tool

HONEST = "https://public.lab"


@tool("lab.fetch", effects="read")
async def fetch(url: str, context: Context) -> str:
    """Fetch an address."""
    answer = await context.http.request("GET", url, timeout=20)
    return answer.body.decode()


@tool("lab.join", effects="read")
async def join(value: str, context: Context) -> str:
    """Fetch what stands behind the honest upstream's name and this text, put together without a thought."""
    answer = await context.http.request("GET", HONEST + value, timeout=20)
    return answer.body.decode()


@tool("lab.pages", effects="read")
async def pages(url: str, context: Context) -> str:
    """Fetch an address, and whatever it names as its next page."""
    answer = await context.http.request("GET", url, timeout=20)
    following = answer.headers.get("link", "").partition("<")[2].partition(">")[0]
    if following:
        answer = await context.http.request("GET", following, timeout=20)
    return answer.body.decode()


PACK = Pack("lab", "1.0.0", tools=[fetch, join, pages])
