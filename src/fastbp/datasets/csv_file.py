"""A CSV file as columns of text, and text as numbers; every refusal says which file, column and row.

pyarrow splits the file into fields. What a field means is decided here, on the text, so that one rule holds for the
file a model is trained on and for every file it is applied to.
"""

import os
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

StrPath = str | os.PathLike[str]
TextColumn = Any  # a pyarrow.StringArray; pyarrow has no type hints

# One decimal number, in syntax that Python and pyarrow's RE2 share.
NUMBER = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$"


def pyarrow() -> Any:
    """Return pyarrow with the modules used here, or say how to get it."""
    try:
        import pyarrow
        import pyarrow.compute
        import pyarrow.csv
    except ImportError as error:
        raise ImportError('reading CSV files needs pyarrow: pip install "fastbp[cli]"') from error
    return pyarrow


def listed(names: Sequence[str], limit: int = 20) -> str:
    """Return names for a message, quoted, the first few of many."""
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(repr(name) for name in names[:limit]) + more


def read_columns(path: StrPath, delimiter: str = ",") -> dict[str, TextColumn]:
    """Read a CSV file whose first line names the columns.

    Spaces around names and values are dropped, empty lines are skipped.

    Returns
    -------
    dict of str to pyarrow string array
        The columns in the order of the file, all of one length of 1 or more.

    Raises
    ------
    FileNotFoundError, ValueError
        No such file; empty, not UTF-8, ragged, repeated column names, or no rows.
    """
    names, rows = _read(path, delimiter, has_header=True)
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ValueError(f"{path}: expected distinct column names, found more than one {listed(repeated)}")
    return dict(zip(names, rows, strict=True))


def read_matrix(path: StrPath, n_columns: int, delimiter: str = ",") -> NDArray[np.float64]:
    """Read a CSV file of ``n_columns`` numbers a row as float64; a first line that is not all numbers is skipped."""
    names, rows = _read(path, delimiter, has_header=False)
    if not all(re.match(NUMBER, name) for name in names):
        names, rows = _read(path, delimiter, has_header=True)
    if len(names) != n_columns:
        raise ValueError(f"{path}: expected {n_columns} columns of numbers, found {len(names)}")
    columns = {f"number {i}": column for i, column in enumerate(rows, 1)}
    refuse_missing(path, columns)
    return np.column_stack([as_numbers(path, name, column) for name, column in columns.items()])


def refuse_missing(path: StrPath, columns: Mapping[str, TextColumn], exempt: Collection[str] = ()) -> None:
    """Raise ValueError naming every column with missing values, how many, and the row of the first.

    In the ``exempt`` columns a word such as NA is a value like others, and only an empty field is missing.
    """
    pa = pyarrow()
    words = pa.array(pa.csv.ConvertOptions().null_values)
    found = []
    for name, column in columns.items():
        mask = pa.compute.is_in(column, value_set=pa.array([""]) if name in exempt else words)
        mask = mask.to_numpy(zero_copy_only=False)
        if mask.any():
            found.append(f"column {name!r} in {mask.sum()} of {len(mask)} rows (first: row {mask.argmax() + 1})")
    if found:
        raise ValueError(
            f"{path}: expected a value in every field, found missing values: {'; '.join(found)}. "
            "Fill them in, remove those rows, or leave the column out (ignore)"
        )


def parse_numbers(column: TextColumn) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return the numbers of a column, and which of its fields are finite decimal numbers; the others are NaN."""
    pa = pyarrow()
    values: NDArray[np.float64]
    try:
        values = column.cast(pa.float64()).to_numpy()
    except pa.ArrowInvalid:
        decimal = pa.compute.match_substring_regex(column, NUMBER)
        some = pa.compute.if_else(decimal, column, pa.scalar(None, pa.string()))
        values = some.cast(pa.float64()).to_numpy(zero_copy_only=False)
    return values, np.isfinite(values)


def as_numbers(path: StrPath, name: str, column: TextColumn) -> NDArray[np.float64]:
    """Return a column as float64, or raise ValueError with the first field that is no finite number."""
    values, valid = parse_numbers(column)
    if not valid.all():
        row = int(valid.argmin())
        raise ValueError(
            f"{path}: column {name!r}: expected numbers, found {column[row].as_py()!r} in row {row + 1} "
            f"({valid.sum()} of {len(valid)} rows are numbers). Correct the file; or take each distinct text of the "
            "column as a category (categorical), or leave the column out (ignore)"
        )
    return values


def _read(path: StrPath, delimiter: str, has_header: bool) -> tuple[list[str], list[TextColumn]]:
    """Return the column names (or the first row) and the columns, stripped of surrounding spaces."""
    pa = pyarrow()
    data = _read_text(path)
    ragged: list[Any] = []

    def note(row: Any) -> str:
        ragged.append(row)
        return "error"

    options = {
        # One block and one thread: row numbers in errors are right, and no thread pool is started.
        "read_options": pa.csv.ReadOptions(
            use_threads=False, block_size=min(len(data) + 1, 1 << 30), autogenerate_column_names=not has_header
        ),
        "parse_options": pa.csv.ParseOptions(delimiter=delimiter, newlines_in_values=True, invalid_row_handler=note),
    }
    try:
        names = pa.csv.open_csv(pa.BufferReader(data), **options).schema.names
        as_text = pa.csv.ConvertOptions(column_types={name: pa.string() for name in names})
        table = pa.csv.read_csv(pa.BufferReader(data), convert_options=as_text, **options)
    except pa.ArrowInvalid as error:
        if ragged:
            row = ragged[0]
            where = "" if row.number is None else f" in line {row.number} (empty lines not counted)"
            raise ValueError(
                f"{path}: expected {row.expected_columns} fields in every line, found {row.actual_columns}{where}: "
                f"{row.text[:60]!r}"
            ) from error
        raise ValueError(f"{path}: expected a CSV file, found something else ({error})") from error
    columns = [pa.compute.utf8_trim_whitespace(column.combine_chunks()) for column in table.columns]
    if table.num_rows == 0:
        raise ValueError(f"{path}: expected at least one row after the header line, found none")
    # A quote that is never closed swallows the rest of the file into one field of the last row.
    if data.count(b'"') % 2 and any("\n" in column[-1].as_py() for column in columns):
        raise ValueError(f"{path}: expected every quote to be closed, found an open one in row {table.num_rows}")
    return ([name.strip() for name in names] if has_header else [column[0].as_py() for column in columns]), columns


def _read_text(path: StrPath) -> bytes:
    """Return the bytes of a file (unpacked, if its name ends in .gz or the like) after a look at their encoding."""
    pa = pyarrow()
    with open(path, "rb"):  # for the standard library's own errors: a missing file, a folder, no permission
        pass
    try:
        with pa.input_stream(str(path)) as stream:
            data: bytes = stream.read()
    except OSError as error:
        raise ValueError(f"{path}: expected a whole compressed file, found a damaged one ({error})") from error
    if not data.strip():
        raise ValueError(f"{path}: expected a CSV file with a header line, found an empty file")
    try:
        data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ValueError(f"{path}: expected UTF-8 text, found byte {data[error.start]:02x} in line {line}") from error
    return data if data.endswith(b"\n") else data + b"\n"
