"""Benchmarks: refseq beside other libraries, everything checked before it is timed.

    shapes, cases, operations   what is run
    libraries                   who runs it, each in its own arrays and with the same number of threads
    judge                       whether a library computes the right thing; what does not is not timed
    clock, spread               interleaved rounds, and medians with their spread
    ceiling                     the rates of a matrix product and of a copy in the same run
    memory                      peak memory, each in a process of its own
    measure, child, parent      a plan is measured in a child process, whose environment sets the threads
    results, compare, pictures  the JSON file, two of them side by side, roofline and scaling curves

``refseq bench`` is the command; docs/benchmarks.md says how far to trust it. Only public functions are measured.
"""
