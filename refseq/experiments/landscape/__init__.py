"""What growing and dying gradients make of the loss as a function of the parameters (L1.13, L1.14, L4.6)."""
