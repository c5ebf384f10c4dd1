"""Threads of a team that run in lockstep, one at a time: each from barrier to barrier, then the next one.

On a GPU the threads of a block run in any order between two barriers. Here the order is the worst one: a thread runs as
far ahead as barriers let it, so that a forgotten barrier always shows, and not only now and then. The same loops run in
plain Python, on any numbers.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from refseq import rowwise
from refseq.networks import tree_kernels
from refseq.scan import Scan
from refseq.targets import host
from refseq.team import Team
from refseq.tree_scan import TreeScan


class Lockstep:
    """A team whose threads take turns in this order, such as (1, 0)."""

    def __init__(self, order: Sequence[int]) -> None:
        self._order = tuple(order)
        self._local = threading.local()
        self._turns = [threading.Semaphore(0) for _ in order]
        self._running: set[int] = set()
        self._errors: list[BaseException] = []
        self.team = Team(lambda: self._local.lane, lambda: len(self._order), self._wait)

    def together(self, function: Callable) -> Callable:
        """The function, called by every thread of the team."""

        def run(*arguments: Any) -> None:
            self._running, self._errors = set(self._order), []
            threads = [threading.Thread(target=self._lane, args=(k, function, arguments)) for k in self._order]
            for thread in threads:
                thread.daemon = True
                thread.start()
            self._turns[self._order[0]].release()
            for thread in threads:
                thread.join()
            if self._errors:
                raise self._errors[0]

        return run

    def _lane(self, lane: int, function: Callable, arguments: tuple) -> None:
        self._local.lane = lane
        self._turns[lane].acquire()
        try:
            function(*arguments)
        except Exception as error:  # noqa: BLE001 - handed to who waits for the threads
            self._errors.append(error)
        self._running.discard(lane)
        self._pass_on(lane)

    def _wait(self) -> None:
        lane = self._local.lane
        self._pass_on(lane)
        self._turns[lane].acquire()

    def _pass_on(self, lane: int) -> None:
        """The turn goes to the next thread that still runs."""
        place = self._order.index(lane)
        for following in (*self._order[place + 1 :], *self._order[: place + 1]):
            if following in self._running:
                self._turns[following].release()
                return


@contextmanager
def lockstep(order: Sequence[int]) -> Iterator[None]:
    """Inside, the reference target's loops over objects are run by a team in lockstep."""
    made = Lockstep(order)
    chain, tree, loop = host.build_scan, tree_kernels.build_tree_scan, rowwise._loop

    def chains(cell: Any, _: Team) -> Scan:
        scan = chain(cell, made.team)
        forward, backward, gradient = map(made.together, (scan.forward_row, scan.backward_row, scan.gradient_row))
        return Scan(forward, backward, gradient, scan.pieces)

    def trees(cell: Any, _: Team) -> TreeScan:
        scan = tree(cell, made.team)
        edge = scan.edge_gradient and made.together(scan.edge_gradient)
        forward, backward, gradient = map(made.together, (scan.forward, scan.backward, scan.gradient))
        return TreeScan(forward, backward, gradient, edge)

    def rows(build: Callable, options: tuple, _: int) -> Callable:
        row = made.together(build(*options, made.team))

        def run(rows: int, *arrays: Any) -> None:
            for b in range(rows):
                row(b, *arrays)

        return run

    host.build_scan, tree_kernels.build_tree_scan, rowwise._loop = chains, trees, rows  # type: ignore[assignment]
    _forget()
    try:
        yield
    finally:
        host.build_scan, tree_kernels.build_tree_scan, rowwise._loop = chain, tree, loop
        _forget()


def _forget() -> None:
    host.kernels.cache_clear()
    tree_kernels.kernels.cache_clear()
