"""Data to learn from: the bundled digits, and readers for IDX (MNIST-format) and CSV files."""

from .digits import load_digits
from .idx import load_idx
from .table import Column, Table, TableEncoding, load_csv

__all__ = ["Column", "Table", "TableEncoding", "load_csv", "load_digits", "load_idx"]
