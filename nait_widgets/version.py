"""The version, where packaging and provenance both find it."""

__version__ = "0.1.0"
