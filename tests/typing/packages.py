"""Never run: the packages are members of the front door for type checkers too, without an import of their own."""

from typing import assert_type

import taskorch

assert_type(taskorch.stores.MemoryStore(), taskorch.stores.MemoryStore)
assert_type(taskorch.testing.FakeClock(), taskorch.testing.FakeClock)
