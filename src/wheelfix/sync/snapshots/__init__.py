"""What a mirror lists at one time: locks of mirrors, the way back to one, and bundles for mirrors without a network."""
