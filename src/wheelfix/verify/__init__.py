"""What is wrong with a wheel: one registry of codes, and what finds each of them."""
