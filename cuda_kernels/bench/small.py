"""python -m cuda_kernels.bench.small: one layer, forward and backward, at a small size, for compute-sanitizer."""

from cuda_kernels.bench.checks import layer_check

if __name__ == "__main__":
    found = [layer_check(("lstm", {"projection": 2}), "float32", shape) for shape in ((3, 5, 2, 3), (4, 5, 33, 70))]
    raise SystemExit(any(check.trouble for check in found))
