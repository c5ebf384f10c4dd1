"""Number fields: other kinds of number that the cells, steps and the scan can be run on, unchanged.

    ball          python-flint arb: rigorous enclosures of real numbers
    residue       integers modulo 2^61 - 1 with formal activations: identities between polynomials, exactly
    noise         samples of a computation whose every operation is rounded at random: the size of rounding errors
    symbol        sympy expressions
    differential  dual numbers (forward mode) and tape nodes (reverse mode) over balls or residues

Importing a module registers its numbers with every primitive (``refseq.primitives.register_field``).
"""
