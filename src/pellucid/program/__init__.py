"""What a network computes: its layers as operations that every language knows."""
