"""Check the CUDA kernels and measure them: ``python benchmarks/device.py [FOLDER]``; the default is results/device.

Within 8 minutes (``--minutes``): every kernel against float64 on the host; latency of launches and barriers, rates of a
copy and of matrix products; LSTM, GRU and Elman layers beside torch.nn (cuDNN: float32 with TF32 off and on, bfloat16,
float16, packed sequences) and flashrnn, each checked before it is timed by CUDA events; racecheck and memcheck of
compute-sanitizer where it is installed. FOLDER/DEVICE.json is everything, FOLDER/DEVICE.md its tables.

Exit status 0 all well, 1 something is wrong, 2 no device. ``--simulator`` runs the same code at tiny sizes in the
simulator of numba-cuda, into a FOLDER that has to be given: it shows that the command runs, nothing about a device.
"""

import argparse
import os
import sys
from pathlib import Path

RESULTS = Path(__file__).parent / "results" / "device"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path, help="where the results go")
    parser.add_argument("--minutes", type=float, default=8.0, help="how long it may take")
    parser.add_argument("--simulator", action="store_true", help="tiny sizes in numba-cuda's simulator")
    given = parser.parse_args()
    if given.simulator:
        if given.folder is None:
            parser.error("--simulator needs a FOLDER: its results are none of a device")
        os.environ["NUMBA_ENABLE_CUDASIM"] = "1"  # read once, when numba-cuda is imported
    sys.path.insert(0, str(Path(__file__).parents[1]))
    from cuda_kernels.bench.command import run

    return run(given.folder or RESULTS, given.minutes, given.simulator)


if __name__ == "__main__":
    raise SystemExit(main())
