"""``python -m refseq``."""

import sys

from refseq.cli import main

sys.exit(main())
