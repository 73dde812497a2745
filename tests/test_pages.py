"""The examples of the pages leave files behind, and may be typed again, in one folder, one page after the other."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
WRITING = re.compile(r"\.db\"|AuditLog\(")

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
KEEPING = [path for path in PAGES if any(WRITING.search(block) for block in BLOCK.findall(path.read_text("utf-8")))]


def type_in(page: Path, folder: Path) -> str:
    """What a fresh interpreter says against the examples of a page."""
    code = "\n".join(BLOCK.findall(page.read_text(encoding="utf-8")))
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )
    return "" if done.returncode == 0 else f"{page.name}: {done.stderr[-500:]}"


def test_pages_that_keep_files_can_be_typed_again(tmp_path: Path) -> None:
    """Nothing that one page, or an earlier time, has left in the folder is in the way of the next."""
    assert {"README.md", "running.md", "auditing.md", "watching.md"} <= {page.name for page in KEEPING}

    assert [said for page in KEEPING + KEEPING[::-1] if (said := type_in(page, tmp_path))] == []
