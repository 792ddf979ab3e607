"""``python -m benchmarks.table``."""

import sys

from benchmarks.table.page import main

if __name__ == "__main__":
    sys.exit(main())
