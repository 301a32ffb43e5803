"""Benchmarks of fastbp: one file a question. ``python -m benchmarks`` asks them all."""
