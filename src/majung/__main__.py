"""``python -m majung``: the command line."""

import sys

from majung.cli.main import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
