"""What recurrent networks learn, and over how many steps (L0.2, L1.1, L1.15, L3.1, L4.5)."""
