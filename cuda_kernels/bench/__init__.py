"""What a device makes of the kernels: checked first, then measured; ``python benchmarks/device.py`` is the command.

``checks``     every kernel against float64 on the host, and which kernels that has launched
``workers``    the checks in several processes
``clock``      medians of CUDA events
``ceilings``   latency of launches and barriers, rates of a copy and of matrix products
``cases``      layers that are timed, their true values, and what is accepted
``peers``      refseq on the device, torch.nn (cuDNN) in several precisions, packed sequences, flashrnn
``sanitizer``  compute-sanitizer on ``small``
``report``     JSON and Markdown
``command``    all of it within minutes
"""
