"""``python -m majung``: the command line."""

import os
import sys

from majung.cli.main import main

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "majung.settings")
    sys.exit(main(sys.argv[1:]))
