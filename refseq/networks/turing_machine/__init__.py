"""The neural Turing machine: a controller whose heads read and write a memory by attention.

Vector operations, each with its adjoint beside it: ``cosine``, ``tempered`` (content weights and sharpening),
``circular`` (shifts), ``storage`` (read; erase, then add), ``activations`` of the heads. ``forward`` and
``backward`` are the steps of one row through time, ``gradient`` the second pass for the parameters, ``passes`` runs
them on a target.
"""
