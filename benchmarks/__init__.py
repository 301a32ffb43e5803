"""Benchmarks of fastbp: one file a question. ``python -m benchmarks.run`` is the place to begin."""
