"""How long a state keeps what came in (L1.7, L1.16, L4.8, L4.9)."""
