"""A pack of companies and their folders, with views of both. Servers load it by `tests.support.offices:pack`."""

from typing import Annotated, Any

from pydantic import Field

from toolcrib import Link, Pack, View, tool

COMPANIES = {"c-1": "Rail", "c-2": "Steel"}
FOLDERS: dict[str, dict[str, Any]] = {
    "f-1": {"name": "Plans", "companyId": "c-1"},
    "f-2": {"name": "Loose", "companyId": None},
}
MOST = Field(max_length=64)
Id = Annotated[str, MOST]
OWNER_OF_FOLDER = Link(tool="folder_get", argument="folderId", output="data.companyId")


@tool("companies_list", effects="read")
def companies_list() -> dict[str, Any]:
    """List the companies."""
    return {"ids": sorted(COMPANIES)}


@tool("company_get", effects="read")
def company_get(companyId: Id) -> dict[str, Any]:  # noqa: N803 the name of the contract
    """Read a company."""
    return {"companyId": companyId, "name": COMPANIES.get(companyId)}


@tool("company_update", effects="write")
def company_update(companyId: Id, name: str = "") -> dict[str, Any]:  # noqa: N803 the name of the contract
    """Change a company."""
    return {"companyId": companyId, "name": name}


@tool("folders_list", effects="read")
def folders_list(companyId: Id | None = None) -> dict[str, Any]:  # noqa: N803 the name of the contract
    """List folders, of one company where it is given."""
    found = (id_ for id_, folder in FOLDERS.items() if companyId in (None, folder["companyId"]))
    return {"ids": sorted(found)}


@tool("folder_get", effects="read")
def folder_get(folderId: Id) -> dict[str, Any]:  # noqa: N803 the name of the contract
    """Read a folder."""
    return {"folderId": folderId, "data": FOLDERS.get(folderId, {})}


@tool("folder_update", effects="write")
def folder_update(folderId: Id, name: str = "") -> dict[str, Any]:  # noqa: N803 the name of the contract
    """Change a folder."""
    return {"folderId": folderId, "name": name}


@tool("web_search", effects="read")
def web_search(query: str = "") -> dict[str, Any]:
    """Search."""
    return {"query": query}


pack = Pack(
    "offices",
    "1.0.0",
    tools=[companies_list, company_get, company_update, folders_list, folder_get, folder_update, web_search],
    views=[
        View("companies", {"companies_list": {}, "web_search": {}}, read_only=True),
        View(
            "company",
            {
                "companies_list": {},
                "company_get": {"companyId": "subject"},
                "company_update": {"companyId": "subject"},
                "folders_list": {"companyId": "subject"},
                "web_search": {},
            },
            subject="company",
        ),
        View(
            "folders",
            {"folders_list": {}, "folder_get": {}, "folder_update": {}, "web_search": {}},
            read_only=True,
        ),
        View(
            "folder",
            {
                "company_get": {"companyId": OWNER_OF_FOLDER},
                "folders_list": {},
                "folder_get": {"folderId": "subject"},
                "folder_update": {"folderId": "subject"},
                "web_search": {},
            },
            subject="folder",
        ),
    ],
)
