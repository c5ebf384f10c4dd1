"""Record the results of this machine: ``python benchmarks/record.py [FOLDER]``, by default benchmarks/results.

Each part is one ``refseq bench``: PART.json is its file, PART.txt its tables as they are printed, and layers and curves
have pictures. The machine should have nothing else to do; two cores need 25 minutes. The time of each
part is printed, and parts may be chosen: ``--only layers --only curves``.

    layers      every shape, LSTM, both GRU and Elman, float32 and float64: refseq, torch, ONNX Runtime
    jax         LSTM in the standard shapes: refseq, jax, jax-scan
    hostile     the standard shapes with torch at work between the calls, in the same process
    operations  cross-entropy, CTC, clipping and Adam over 10^7 parameters, trees and graphs, float32 and float64
    curves      LSTM along T, B, H and threads, with a picture
    memory      LSTM, peak memory beside torch's in the standard shapes
"""

import argparse
import contextlib
import io
import time
from pathlib import Path

from refseq.bench.libraries import LIBRARIES
from refseq.cli import main as refseq

BOTH = ["--dtype", "float32", "--dtype", "float64"]
PEERS = [name for name in ("torch", "torch-loop", "onnxruntime") if not LIBRARIES[name].missing()]
JAX = [name for name in ("jax", "jax-scan") if not LIBRARIES[name].missing()]
TORCH = [name for name in PEERS if name == "torch"]

PARTS = {
    "layers": [*PEERS, "--shape", "all", *BOTH, "--rounds", "5"],
    "jax": [*JAX, "--cell", "lstm", "--shape", "standard", "--rounds", "5"],
    "hostile": [*TORCH, "--shape", "standard", "--rounds", "5", "--no-pause"],
    "operations": ["--operation", "all", *BOTH],
    "curves": [*TORCH, "--curve", "T", "--curve", "B", "--curve", "H", "--curve", "threads", "--rounds", "5"],
    "memory": [*TORCH, "--cell", "lstm", "--shape", "standard", "--rounds", "1", "--memory"],
}
PICTURES = ("layers", "curves")


def main() -> int:
    """Run the parts; 0 if all went well."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path, default=Path(__file__).parent / "results")
    parser.add_argument("--only", action="append", choices=list(PARTS), help="only this part; repeatable")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    statuses = []
    for part in given.only or PARTS:
        start, printed = time.perf_counter(), io.StringIO()
        pictures = ["--pictures", str(given.folder)] if part in PICTURES else []
        file = given.folder / f"{part}.json"
        with contextlib.redirect_stdout(printed):
            statuses.append(refseq(["bench", *PARTS[part], "--json", str(file), *pictures]))
        text = "\n".join(line.rstrip() for line in printed.getvalue().splitlines() if not line.startswith("written: "))
        (given.folder / f"{part}.txt").write_text(text.strip() + "\n")
        print(f"{part}: status {statuses[-1]}, {time.perf_counter() - start:.0f} s", flush=True)
        if statuses[-1] == 130:
            return 130
    return max(statuses)


if __name__ == "__main__":
    raise SystemExit(main())
