"""Systems with attention and memory on small tasks (L1.25, L2.7, L2.8, L4.16)."""
