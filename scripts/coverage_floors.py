"""The table of the last `make test` again, without running the tests: coverage by room, and whether each floor holds."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.support.coverage_floors import main

if __name__ == "__main__":
    sys.exit(main())
