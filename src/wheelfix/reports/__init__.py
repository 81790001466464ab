"""Results to text. Everything here takes data and returns a string; nothing prints."""
