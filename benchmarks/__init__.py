"""Measured ratios: capture and scoring against their limits and against what people do today."""
