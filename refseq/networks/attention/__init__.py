"""Attention: which keys a query looks at, and what it reads there.

scores       of queries and keys, with adjoints: products, and v^T tanh(q + k)
rows         one row of a batch as a whole: scores, softmax, weighted sum of the values; backward
streaming    the same function and gradient without the matrix of weights
affine       W x for every token, with adjoints
tokens       from the caller's arrays to dense rows and back
kit          what the formulas calculate with: numbers of any field, or ``vector_kit``
scene        which queries and keys count
matrices, keys, looks    the launches of these, for sizes
core         launches that follow one another, made once for sizes
memory       keys and values made ready for any number of looks: their matrix is used once
heads        self-attention with several heads
"""
