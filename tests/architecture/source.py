"""The tracked files and the parsed source, read once for all architecture tests."""

import ast
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SRC = ROOT / "src"
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Module:
    path: str
    text: str
    tree: ast.Module

    @property
    def room(self) -> str:
        parts = Path(self.path).parts
        return parts[2] if len(parts) > 3 else "(face)"

    @property
    def functions(self) -> list[Function]:
        return [
            node for node in ast.walk(self.tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        ]

    def at(self, node: ast.stmt | ast.ExceptHandler, name: str = "") -> str:
        return f"{self.path}:{node.lineno} {name}".rstrip()


@cache
def modules() -> tuple[Module, ...]:
    found = []
    for path in sorted(SRC.rglob("*.py")):
        text = path.read_text("utf-8")
        found.append(Module(path.relative_to(ROOT).as_posix(), text, ast.parse(text)))
    return tuple(found)


@cache
def tracked() -> tuple[str, ...]:
    """What git would hand to a stranger: tracked files, and new ones that no rule ignores."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    names = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0")
    return tuple(name for name in sorted(set(names)) if name and (ROOT / name).is_file())


@cache
def tracked_texts() -> tuple[tuple[str, str], ...]:
    texts = []
    for name in tracked():
        content = (ROOT / name).read_bytes()
        if b"\0" not in content[:8192]:
            texts.append((name, content.decode("utf-8", "replace")))
    return tuple(texts)
