"""The fast CPU path: any cell of the catalogue, on SIMD vectors and all cores.

A cell is not compiled into a time loop of its own. Four drivers, compiled once for each precision, run every cell:
``prepare`` packs the matrices, ``forward`` and ``backward`` run the time loop of a slice of batch rows, ``gradient``
sums the matrices' gradients. They read what to do from tables (``job``, ``programs``), which are made from the cell's
description (``plan``), and call the cell's own functions, compiled for vectors of units (``stages``), and two matrix
products (``products``, on the register ``tile``). ``target`` puts them together; ``setup`` keeps what does not change
from run to run.

Bits do not depend on threads, slices, chunks of time or the other rows of a batch: every number is one chain of
operations in an order of its own.
"""
