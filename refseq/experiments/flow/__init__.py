"""How activations and gradients grow or die over time (L0.3 - L0.9, L1.15 - L1.17, L4.5, L4.7, L4.15)."""
