"""Frozen baselines: what one would write with the libraries' own means. Nothing of this project is in them, and they do not change."""
