"""The simulator with barriers that every living thread of the block has to meet."""

import importlib
from contextlib import contextmanager


@contextmanager
def every_barrier_is_met():
    """Inside, a barrier that only some threads of a block reach raises RuntimeError: at the end of a block its threads
    have met at the same number of barriers. The simulator itself waits for those that are still alive."""
    kernel = importlib.import_module("numba.cuda.simulator.kernel")
    run, sync = kernel.BlockManager.run, kernel.BlockThread.syncthreads

    def counting(thread):
        thread._manager.met[thread.thread_id] = thread._manager.met.get(thread.thread_id, 0) + 1
        sync(thread)

    def checked(manager, grid_point, *arguments):
        manager.met = {}
        run(manager, grid_point, *arguments)
        size = 1
        for count in manager._block_dim:
            size *= count
        if manager.met and (len(manager.met) < size or len(set(manager.met.values())) > 1):
            most = max(manager.met.values())
            there = sum(count == most for count in manager.met.values())
            raise RuntimeError(f"{there} of {size} threads met at a barrier in block {tuple(grid_point)}")

    kernel.BlockManager.run, kernel.BlockThread.syncthreads = checked, counting
    try:
        yield
    finally:
        kernel.BlockManager.run, kernel.BlockThread.syncthreads = run, sync
