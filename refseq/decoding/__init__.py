"""Decoders: from the outputs of a network to sequences of symbols."""
