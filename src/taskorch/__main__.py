"""``python -m taskorch``."""

import sys

if __name__ == "__main__":
    try:
        from taskorch.cli import main

        sys.exit(main())
    except KeyboardInterrupt:  # while modules were loading: nothing has begun
        sys.exit(130)
