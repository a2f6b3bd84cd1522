"""Formats: what leaves training."""
