"""Where a run is kept: its store, and the folder for the files of its steps."""

from pathlib import Path

import attrs

from taskorch.api import open_store, work_root
from taskorch.errors import StoreUnreadable
from taskorch.protocols import Store
from taskorch.stores import MemoryStore

FOLDER = Path(".taskorch")
"""Made in the working directory where no other place is given."""


@attrs.frozen
class Place:
    """The store of a run, not opened yet, and what lies beside it.

    Attributes:
        store: The store.
        work_root: Where runs get folders for the files of their steps; the same for a run that is resumed.
        file: The file of the store, or None if nothing is kept.
        folder: The folder to be made for it, or None if the place was chosen by the user.
    """

    store: Store
    work_root: Path
    file: Path | None
    folder: Path | None

    @classmethod
    def of(cls, url: str | None) -> "Place":
        """The place that ``--store`` names; by default ``.taskorch/state.db`` in the working directory.

        Raises:
            StoreUnreadable: There is no such kind of store.
        """
        ours = FOLDER.absolute()
        try:
            store = open_store(str(ours / "state.db") if url is None else url)
        except ValueError as error:
            raise StoreUnreadable(repr(url), f"{error}; give a path or memory:") from None
        if isinstance(store, MemoryStore):
            return cls(store, work_root(store), None, None)
        return cls(store, work_root(store), Path(store.name).resolve(), ours if url is None else None)

    def prepare(self) -> None:
        """Make the folder, readable by its owner only. To be called when a run really starts.

        Raises:
            StoreUnreadable: It cannot be made.
        """
        if self.folder is None:
            return
        try:
            self.folder.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            message = f"the folder {self.folder} cannot be made ({error.strerror}); give another place with --store"
            raise StoreUnreadable(self.store.name, message) from None
