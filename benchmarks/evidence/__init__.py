"""What `docs/evidence.md` tells, measured: `python -m benchmarks.evidence`."""
