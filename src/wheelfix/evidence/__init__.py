"""Evidence: what a wheel says about whether it needs a requirement."""
