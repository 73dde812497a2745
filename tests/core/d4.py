"""The blocks of D4 as documents of workflows."""

import json
import re
from collections.abc import Iterator
from typing import Any

from tests.core.samples import SHARED

PAGE = SHARED / "documents" / "004_bf99820c7bcba4a3.txt"

# What D4 writes where a value belongs.
PLACEHOLDERS: dict[str, str] = {
    '"execution_condition"': '"on_success(step_id_1)"',
    '"low|medium|high|urgent"': '"high"',
    '"development|staging|production"': '"staging"',
    "{ /* workflow definition */ }": '{ "name": "w", "steps": [{ "id": "a", "command": "true" }] }',
}
# What D4 shows that is no document of a workflow: its own results.
RESULTS = frozenset({"success", "workflowId"})
STEPS = [{"id": "step_id_1", "command": "true"}, {"id": "step_id_2", "command": "true"}]

_FENCE = re.compile(
    r"^### (?P<title>.+?)$|^```(?P<language>json|typescript)\n(?P<code>.*?)^```", re.MULTILINE | re.DOTALL
)
_STRING = r'"(?:[^"\\]|\\.)*"'
_COMMENT = re.compile(rf"({_STRING})|//[^\n]*|/\*.*?\*/", re.DOTALL)
_KEY = re.compile(rf"({_STRING})|([A-Za-z_]\w*)(?=\s*:)")
_CONSTANT = re.compile(r"^const (\w+) = (\{.*?^\});", re.MULTILINE | re.DOTALL)
_CALL = re.compile(r"executeWorkflow\((\w+), (\{.*?\})\);", re.DOTALL)


def data(code: str) -> dict[str, Any]:
    """The object that JSON or TypeScript code writes: comments stripped, keys quoted, placeholders filled."""
    for placeholder, value in PLACEHOLDERS.items():
        code = code.replace(placeholder, value)
    code = _COMMENT.sub(lambda match: match[1] or "", code)
    code = _KEY.sub(lambda match: match[1] or f'"{match[2]}"', code)
    found = json.loads(code.strip().removesuffix(";"))
    assert isinstance(found, dict)
    return found


def blocks() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every block of the page under its heading; the options of ``executeWorkflow`` beside its workflow."""
    title = ""
    for match in _FENCE.finditer(PAGE.read_text(encoding="utf-8")):
        title = match["title"] or title
        if match["language"] == "json":
            yield title, data(match["code"])
        elif match["language"] == "typescript":
            constants = {name: data(code) for name, code in _CONSTANT.findall(match["code"])}
            yield from ((f"{title}: {name}", flow) for name, flow in constants.items())
            for name, options in _CALL.findall(match["code"]):
                yield f"{title}: executeWorkflow", {"workflow": constants[name], **data(options)}


def documents() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every block as the document of a workflow: fragments stand in a minimal one."""
    for title, block in blocks():
        if block.keys() & RESULTS:
            continue
        if "command" in block:  # a step
            yield title, {"name": "w", "steps": [STEPS[0], block]}
        elif block.keys() & {"workflow", "steps", "template"}:
            yield title, block
        elif "dependencies" in block:
            yield title, {"workflow": {"name": "w", "steps": STEPS, **block}}
            yield f"{title} (bare)", {"name": "w", "steps": STEPS, **block}
        else:  # what stands beside a workflow, and most of it inside as well
            flow = {"name": "w", "steps": STEPS}
            yield title, {"workflow": flow, **block}
            if "context" not in block:
                yield f"{title} (inside)", {"workflow": {**flow, **block}}
                yield f"{title} (bare)", {**flow, **block}
