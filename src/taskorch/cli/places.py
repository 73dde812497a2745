"""Where a run is kept: its store, and the folder for the files of its steps."""

from pathlib import Path

import attrs

from taskorch.api import open_store, work_root
from taskorch.errors import StoreUnreadable
from taskorch.protocols import Store
from taskorch.stores import MemoryStore, SQLiteStore

FOLDER = Path(".taskorch")
"""Made in the working directory where no other place is given."""


@attrs.frozen
class Place:
    """The store of a run, not opened yet, and what lies beside it.

    Attributes:
        store: The store.
        work_root: Where runs get folders for the files of their steps; the same for a run that is resumed.
        file: The file of the store, or None if there is none.
        folder: The folder to be made for it, or None if the place was chosen by the user.
    """

    store: Store
    work_root: Path
    file: Path | None
    folder: Path | None

    @classmethod
    def of(cls, url: str | None, *, shared: bool = False) -> "Place":
        """The place that ``--store`` names; by default ``.taskorch/state.db`` in the working directory.

        Args:
            url: What it names, or None.
            shared: Whether other processes may use it too.

        Raises:
            StoreUnreadable: There is no such kind of store.
            InvalidParameters: It cannot be shared.
        """
        ours = FOLDER.absolute()
        store = open_store(ours / "state.db" if url is None else url, shared=shared)
        root = work_root(store)
        if not isinstance(store, SQLiteStore):
            return cls(store, root, None, None)
        return cls(store, root, store.place, ours if url is None else None)

    @property
    def keeps(self) -> bool:
        """Whether a run that is kept here can be gone on with by another process."""
        return not isinstance(self.store, MemoryStore)

    @property
    def is_there(self) -> bool:
        """Whether the store may hold runs already."""
        return self.keeps and (self.file is None or self.file.exists())

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
