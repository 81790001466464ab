"""Reports as one HTML page each, for people who look rather than read: a module for each command."""
