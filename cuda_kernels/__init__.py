"""CUDA kernels of refseq: the same cells, compiled by numba-cuda. ``refseq.targets`` reaches them as target "cuda"."""
