"""Manifests: what they are as files, and what they say."""
