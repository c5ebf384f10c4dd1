"""Make docs/verify.svg, the picture in the README, from a real run: ``python docs/picture.py``."""

import re
import sys
from pathlib import Path

from rich.console import Console

from refseq.cli import main, tables

ARGUMENTS = ["verify", "onnxruntime", "refseq", "--target", "cpu", "--cell", "lstm", "--cell", "gru"]


def picture(path: Path) -> int:
    """Run the command, and write what it printed as SVG."""
    recorder = Console(record=True, width=132)
    tables.console = lambda: recorder
    status = main(ARGUMENTS)
    svg = recorder.export_svg(title=f"refseq {' '.join(ARGUMENTS)}")
    path.write_text(re.sub(r"@font-face\s*{.*?}", "", svg, flags=re.DOTALL))  # no fonts from the net
    return status


if __name__ == "__main__":
    sys.exit(picture(Path(__file__).with_name("verify.svg")))
