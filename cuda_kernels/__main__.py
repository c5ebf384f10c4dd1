"""python -m cuda_kernels: compile the kernels for every device family, print what they cost, hold it to the budget.

--all     every option of every recurrence, every system; else those that a commit waits for
--renew   compile all and write the budget again
--only X  kernels whose name contains X
--jobs N  processes; default: one for each processor
--table   instead: what is known of every entry of the catalogue, as Markdown (it asks the simulator: half a minute)

Needs no device, but the compiler (pip install 'refseq[cuda]'). Exit status 1 if something is red, 2 without a compiler.
"""

import argparse
import sys
import time

from cuda_kernels import budget, gate, gpu, inventory, table
from cuda_kernels.compilations import Selection, kernels
from refseq.cli.workers import usual_jobs


def main(arguments: list[str] | None = None) -> int:
    """Run the gate."""
    parser = argparse.ArgumentParser(prog="python -m cuda_kernels", description=str(__doc__).partition("\n")[0])
    parser.add_argument("--all", action="store_true", help="every option of every recurrence")
    parser.add_argument("--renew", action="store_true", help="compile all and write the budget again")
    parser.add_argument("--only", default="", metavar="X", help="kernels whose name contains X")
    parser.add_argument("--jobs", type=int, default=usual_jobs(), metavar="N", help="processes")
    parser.add_argument("--table", action="store_true", help="what is known of every entry of the catalogue")
    chosen = parser.parse_args(arguments)
    if chosen.table:
        cells = table.whole()
        _say(table.markdown(cells))
        return 1 if table.faults(cells) else 0
    try:
        gpu.toolchain()
    except RuntimeError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    if chosen.jobs < 1:
        parser.error(f"--jobs: expected at least 1, got {chosen.jobs}")
    return _run(Selection(bool(chosen.all or chosen.renew or chosen.only), chosen.only), chosen.renew, chosen.jobs)


def _run(selection: Selection, renew: bool, jobs: int) -> int:
    everything = [(entry.name, entry.dtype) for entry in inventory.entries(inventory.catalogue())]
    began, made = time.perf_counter(), []

    def kept():
        for kernel in kernels(selection, jobs):
            made.append(kernel)
            yield kernel

    allowed = None if renew else budget.read()
    red = gate.judge(kept(), allowed, _say)
    strangers = [] if allowed is None else budget.differences(everything, allowed)
    for stranger in strangers:
        _say(stranger)
    if renew:
        new = {kernel.key: budget.costs(kernel.reports) for kernel in made}
        known = set(everything)
        old = budget.read() if budget.FILE.exists() and len(new) < len(known) else {}
        budget.write({key: cost for key, cost in (old | new).items() if key in known})
    _say(f"{len(made)} kernels, {len(red)} red, {len(strangers)} differences; {time.perf_counter() - began:.0f} s")
    return 1 if red or strangers else 0


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
