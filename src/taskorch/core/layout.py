"""Where the members of a workflow stand in its document: in ``workflow``, or beside it.

D4 shows ``{"workflow": {…}, "context": {…}}``, a bare workflow object, and ``{"template": …, "parameters": …}``.
Each member is written back where it was found.
"""

from collections.abc import Mapping

import attrs

from taskorch.core.documents import EMPTY, JSON, Document, unstructure

BODY = "workflow"
BESIDE = frozenset({"context", "template", "parameters", "debug", "monitor", "retryPolicy"})
"""Keys that stand beside ``workflow``."""
EITHER = frozenset({"errorHandling", "resources", "notifications"})
"""Keys that stand inside it or beside it; where neither is known, beside."""


@attrs.frozen
class Layout:
    """The form of a workflow's document.

    Attributes:
        bare: Whether it is the workflow object alone.
        has_body: Whether there is a ``workflow`` object; a bare reference to a template has none.
        beside: The keys beside the workflow, ``workflow`` among them, in their order; empty if made in Python.
        inside: The keys of ``workflow``.
        extensions: The members ``x`` and ``x-*`` beside it.
    """

    bare: bool = False
    has_body: bool = True
    beside: tuple[str, ...] = ()
    inside: frozenset[str] = frozenset()
    extensions: Mapping[str, JSON] = EMPTY

    def path_of(self, path: str) -> str:
        """The path in the document of a path in the workflow, as ``steps[2].timeout``."""
        key = path.split(".", 1)[0].split("[", 1)[0]
        return path if self.bare or self._stands_beside(key) else f"{BODY}.{path}"

    def arrange(self, workflow: Document) -> dict[str, JSON]:
        """The document of *workflow* in this form."""
        members: dict[str, JSON] = unstructure(workflow)
        if self.bare:
            return members
        body = {key: value for key, value in members.items() if not self._stands_beside(key)}
        outside = {key: value for key, value in members.items() if key not in body} | dict(self.extensions)
        if self.has_body:
            outside[BODY] = body
        order = self.beside or (BODY,)
        return {key: outside[key] for key in (*order, *outside) if key in outside}

    def _stands_beside(self, key: str) -> bool:
        return key in BESIDE or (key in EITHER and key not in self.inside)
