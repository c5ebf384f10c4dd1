"""Memory networks: stories of sentences in a memory, and questions about them.

``encoding``    sentences and questions as vectors: sums of embeddings, and the adjoint
``masked``      softmax over the slots that hold something
``end_to_end``  attention of several hops, trained through and through (Sukhbaatar et al. 2015), and its adjoint
``hard``        one slot chosen by every hop, trained on the supporting facts (Weston et al. 2014), and its adjoint
``ranking``     losses of the choice of a supporting fact
``text``        what of tokens needs no numbers: where words are, which slots are filled, their age
"""
