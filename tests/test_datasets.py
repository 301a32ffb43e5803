"""The bundled digits, and the IDX and CSV readers, on good files and on every kind of bad one."""

import dataclasses
import gzip
import json
import struct
import subprocess
import sys

import numpy as np
import pytest

from fastbp.datasets import Table, TableEncoding, load_csv, load_digits, load_idx

CODES = {"u1": 0x08, "i1": 0x09, "i2": 0x0B, "i4": 0x0C, "f4": 0x0D, "f8": 0x0E}


def idx_bytes(array, code=None):
    kind = array.dtype.str[1:]
    header = bytes([0, 0, CODES[kind] if code is None else code, array.ndim])
    return header + struct.pack(f">{array.ndim}I", *array.shape) + array.astype(f">{kind}").tobytes()


def write_idx(path, array, pack=False):
    data = idx_bytes(array)
    path.write_bytes(gzip.compress(data) if pack else data)
    return path


def mnist_like(folder, joint="-", suffix="", n_train=6, n_test=4):
    rng = np.random.default_rng(0)
    arrays = {}
    for part, n in (("train", n_train), ("t10k", n_test)):
        arrays[part] = rng.integers(0, 256, (n, 3, 2), np.uint8), rng.integers(0, 10, n, np.uint8)
        write_idx(folder / f"{part}-images{joint}idx3-ubyte{suffix}", arrays[part][0], bool(suffix))
        write_idx(folder / f"{part}-labels{joint}idx1-ubyte{suffix}", arrays[part][1], bool(suffix))
    return arrays


@pytest.fixture
def csv_file(tmp_path):
    def write(content, name="data.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


class TestDigits:
    def test_shapes_types_and_values(self):
        X, y = load_digits()
        assert X.shape == (1797, 64)
        assert X.dtype == np.float32
        assert y.shape == (1797,)
        assert y.dtype == np.int64
        assert X.min() == 0
        assert X.max() == 16
        np.testing.assert_array_equal(X, np.floor(X))

    def test_known_contents(self):
        X, y = load_digits()
        assert np.bincount(y).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
        assert X[0, :16].tolist() == [0, 0, 5, 13, 9, 1, 0, 0, 0, 0, 13, 15, 10, 15, 5, 0]
        assert X.sum() == 561718

    def test_calls_do_not_share_memory(self):
        X, _ = load_digits()
        X[:] = -1
        assert load_digits()[0].min() == 0


class TestIdxFiles:
    @pytest.mark.parametrize("pack", [False, True])
    @pytest.mark.parametrize("kind", CODES)
    def test_every_type_plain_and_gzipped(self, tmp_path, kind, pack):
        array = (np.array([[0, 1, 2], [3, 100, 5]]) * (1 if kind == "u1" else -1)).astype(kind)
        found = load_idx(write_idx(tmp_path / "a.idx", array, pack))
        assert found.dtype == np.dtype(kind)
        assert found.dtype.isnative
        np.testing.assert_array_equal(found, array)

    def test_result_is_writable(self, tmp_path):
        found = load_idx(write_idx(tmp_path / "a.idx", np.zeros((2, 2), "u1")))
        found[0, 0] = 1
        assert found[0, 0] == 1

    def test_sequence_of_files(self, tmp_path):
        a = write_idx(tmp_path / "a", np.ones((2, 2), "u1"))
        b = write_idx(tmp_path / "b", np.arange(3, dtype="i4"))
        found = load_idx([a, str(b)])
        assert isinstance(found, tuple)
        assert found[0].shape == (2, 2)
        assert found[1].tolist() == [0, 1, 2]

    @pytest.mark.parametrize("joint", ["-", "."])
    @pytest.mark.parametrize("suffix", ["", ".gz"])
    def test_folder(self, tmp_path, joint, suffix):
        arrays = mnist_like(tmp_path, joint, suffix)
        for (X, y), (images, labels) in zip(load_idx(str(tmp_path)), arrays.values(), strict=True):
            assert X.dtype == np.float32
            assert y.dtype == np.int64
            np.testing.assert_array_equal(X, images.reshape(len(images), 6))
            np.testing.assert_array_equal(y, labels)

    def test_empty_sequence(self):
        with pytest.raises(ValueError, match="at least one file, found an empty sequence"):
            load_idx([])

    def test_missing_file(self, tmp_path):
        with pytest.raises(FileNotFoundError, match=r"nothing\.idx"):
            load_idx(tmp_path / "nothing.idx")

    def test_folder_lacks_a_file(self, tmp_path):
        mnist_like(tmp_path)
        (tmp_path / "t10k-labels-idx1-ubyte").unlink()
        with pytest.raises(FileNotFoundError, match=r"expected one of t10k-labels-idx1-ubyte, .*found none"):
            load_idx(tmp_path)

    @pytest.mark.parametrize(
        ("data", "message"),
        [
            (b"", "found 0 bytes"),
            (b"\0\0\x08", "found 3 bytes"),
            (b"\0\1\x08\1\0\0\0\1x", "found 00 01 08 01"),
            (b"\0\0\x07\1\0\0\0\1x", "found 00 00 07 01"),
            (b"\0\0\x08\0x", "found 00 00 08 00"),
            (b"%PDF-1.4", "found 25 50 44 46"),
            (b"\0\0\x08\3\0\0\0\1\0\0", "header of 16 bytes for 3 dimensions, found 10"),
            (idx_bytes(np.ones((2, 3), "u1"))[:-1], r"18 bytes for shape \(2, 3\) .*found 17.*truncated"),
            (idx_bytes(np.ones((2, 3), "f8")) + b"!", r"60 bytes .*float64, found 61.*followed by"),
            (b"\0\0\x08\2" + b"\xff" * 8, "truncated"),
            (idx_bytes(np.ones((0, 3), "u1")), r"at least one value, found shape \(0, 3\)"),
            (gzip.compress(idx_bytes(np.ones((2, 3), "u1")))[:-12], "damaged or truncated"),
            (gzip.compress(b"x" * 99)[:10] + b"\xff" * 30, "damaged or truncated"),
            (gzip.compress(idx_bytes(np.ones((2, 3), "u1"))[:-1]), "found 17.*truncated"),
        ],
    )
    def test_bad_files(self, tmp_path, data, message):
        path = tmp_path / "bad.idx"
        path.write_bytes(data)
        with pytest.raises(ValueError, match=rf"bad\.idx: expected .*{message}"):
            load_idx(path)

    @pytest.mark.parametrize(
        ("name", "array", "message"),
        [
            ("train-images-idx3-ubyte", np.ones(6, "u1"), r"expected images, 2 or more dimensions, found shape \(6,\)"),
            ("train-labels-idx1-ubyte", np.ones((6, 2), "u1"), r"expected integer labels, 1 dimension, found uint8"),
            ("train-labels-idx1-ubyte", np.ones(6, "f4"), r"expected integer labels, 1 dimension, found float32"),
            ("train-labels-idx1-ubyte", np.full(6, -1, "i1"), r"expected labels of 0 or more, found -1"),
            ("t10k-labels-idx1-ubyte", np.ones(5, "u1"), r"expected 4 labels, one an image, found 5"),
        ],
    )
    def test_folder_whose_files_do_not_fit(self, tmp_path, name, array, message):
        mnist_like(tmp_path)
        write_idx(tmp_path / name, array)
        with pytest.raises(ValueError, match=f"{name}: {message}"):
            load_idx(tmp_path)


class TestCsv:
    """Good files; the class below has the bad ones."""

    @pytest.fixture(autouse=True)
    def _needs_pyarrow(self):
        pytest.importorskip("pyarrow", reason="reading CSV files needs the extra cli")

    def test_numbers_and_categories(self, csv_file):
        table = load_csv(csv_file("age,colour,kind\n1.5,red,b\n-2,blue,a\n+3e1,red,b\n"), "kind")
        assert isinstance(table, Table)
        assert table.task == "classification"
        assert table.feature_names == ("age", "colour=blue", "colour=red")
        assert table.X.dtype == np.float32
        assert table.X.tolist() == [[1.5, 0, 1], [-2, 1, 0], [30, 0, 1]]
        assert table.classes == ("a", "b")
        assert table.y.dtype == np.int64
        assert table.y.tolist() == [1, 0, 1]

    def test_frozen(self, csv_file):
        table = load_csv(csv_file("x,y\n1,a\n2,b\n"), "y")
        with pytest.raises(dataclasses.FrozenInstanceError):
            table.y = None

    @pytest.mark.parametrize(
        ("target", "task", "classes", "y"),
        [
            (["no", "yes", "no"], None, ("no", "yes"), [0, 1, 0]),
            (["True", "False", "True"], None, ("False", "True"), [1, 0, 1]),
            (["7", "-1", "7"], None, (-1, 7), [1, 0, 1]),
            (["7.0", "3.0", "7.0"], None, (3, 7), [1, 0, 1]),
            (["0.5", "3", "7"], None, None, [0.5, 3, 7]),
            (["7", "3", "7"], "regression", None, [7, 3, 7]),
            (["0.5", "3", "0.5"], "classification", (0.5, 3.0), [0, 1, 0]),
            (["1", "2", "more"], "classification", ("1", "2", "more"), [0, 1, 2]),
            ([str(i) for i in range(20)], None, tuple(range(20)), list(range(20))),
            ([str(i) for i in range(21)], None, None, list(range(21))),
        ],
    )
    def test_task_and_classes(self, csv_file, target, task, classes, y):
        table = load_csv(csv_file("x,t\n" + "".join(f"1,{t}\n" for t in target)), "t", task=task)
        assert table.classes == classes
        assert table.y.tolist() == y
        assert table.y.dtype == (np.float32 if classes is None else np.int64)
        assert table.task == ("regression" if classes is None else "classification")

    def test_float64_keeps_what_float32_would_lose(self, csv_file):
        path = csv_file("time,t\n1600000001,0.25\n1600000002,0.5\n")
        table = load_csv(path, "t", dtype=np.float64)
        assert np.diff(table.X[:, 0]) == 1
        assert table.X.dtype == table.y.dtype == np.float64
        assert table.encode(path).dtype == np.float64

    def test_categorical_ignore_and_delimiter(self, csv_file):
        path = csv_file(";zip;alley;doors;t\n0;100;NA;2;a\n1;200;x;5more;b\n2;100;NA;2;b\n")
        table = load_csv(path, "t", categorical=["zip", "alley", "doors"], ignore=[""], delimiter=";")
        assert table.feature_names == ("zip=100", "zip=200", "alley=NA", "alley=x", "doors=2", "doors=5more")
        assert table.X.sum(axis=1).tolist() == [3, 3, 3]
        np.testing.assert_array_equal(table.encode(path), table.X)

    def test_spaces_bom_crlf_quotes_blank_lines_and_gzip(self, csv_file):
        text = '\ufeff a ,"b,""c""", t\r\n 1 ,"x\ny", p\r\n\r\n2, z ,q'
        for path in (csv_file(text), csv_file(gzip.compress(text.encode()), "data.csv.gz")):
            table = load_csv(path, "t")
            assert table.feature_names == ("a", 'b,"c"=x\ny', 'b,"c"=z')
            assert table.classes == ("p", "q")

    def test_inch_marks_are_no_open_quote(self, csv_file):
        assert load_csv(csv_file('size,t\n5" pipe,a\n6 pipe,b\n'), "t").feature_names == ('size=5" pipe', "size=6 pipe")

    def test_constant_column_stays(self, csv_file):
        assert load_csv(csv_file("a,t\n5,p\n5,q\n"), "t").X.tolist() == [[5], [5]]

    def test_encoding_applies_to_another_file_through_json(self, csv_file):
        table = load_csv(csv_file("age,colour,kind\n1,red,b\n2,blue,a\n"), "kind")
        encoding = TableEncoding.from_dict(json.loads(json.dumps(table.encoding.to_dict())))
        assert encoding == table.encoding
        other = csv_file("colour,extra,age\nred,,7\n", "other.csv")
        assert encoding.encode(other).tolist() == [[7, 0, 1]]
        assert table.encode(other).dtype == np.float32

    def test_regression_encoding_through_json(self, csv_file):
        encoding = load_csv(csv_file("a,t\n1,0.5\n2,1.5\n"), "t").encoding
        assert TableEncoding.from_dict(json.loads(json.dumps(encoding.to_dict()))) == encoding
        assert encoding.task == "regression"


class TestBadCsv:
    @pytest.fixture(autouse=True)
    def _needs_pyarrow(self):
        pytest.importorskip("pyarrow", reason="reading CSV files needs the extra cli")

    def test_missing_file(self, tmp_path):
        with pytest.raises(FileNotFoundError, match=r"nothing\.csv"):
            load_csv(tmp_path / "nothing.csv", "t")

    def test_folder(self, tmp_path):
        with pytest.raises(OSError, match=str(tmp_path)):
            load_csv(tmp_path, "t")

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (b"", "found an empty file"),
            (b" \n\n", "found an empty file"),
            (b"a,t\n", "at least one row after the header line, found none"),
            (b"a,t", "at least one row after the header line, found none"),
            (b"a,t\n1,p\n2\n", r"2 fields in every line, found 1 in line 3.*'2'"),
            (b"a,t\n1,p\n2,q,r\n", r"2 fields in every line, found 3 in line 3"),
            (b"a,a,t\n1,2,p\n", "distinct column names, found more than one 'a'"),
            (b",t\n0,p\n1,q\n", "a name for every column, found none for column 1"),
            (b"t\np\nq\n", "at least one feature column beside the target 't'"),
            (b"a,b,t\n1,,p\n,,q\n3,NA,q\n", r"missing values: column 'a' in 1 of 3 rows \(first: row 2\); "
             r"column 'b' in 3 of 3 rows \(first: row 1\)"),
            (b"a,t\n1,p\n2, \n", r"missing values: column 't' in 1 of 2 rows"),
            (b"a,t\n1,p\nnan,q\n", r"missing values: column 'a' in 1 of 2 rows"),
            (b"a,t\n1,p\n2,q\n1_000,q\n", r"column 'a': expected numbers, found '1_000' in row 3 \(2 of 3 rows"),
            (b"a,t\n1,p\n2,q\ninf,q\n", r"column 'a': expected numbers, found 'inf' in row 3"),
            (b"a,t\n1,p\n1e999,q\n", r"column 'a': expected numbers, found '1e999' in row 2"),
            (b"a,t\n1,p\n1e99,q\n", r"column 'a': expected numbers up to 3.4e\+38, found 1e\+99 in row 2"),
            (b"a,t\n1,0.5\n1,2\n1,x\n", "column 't': expected numbers, found 'x' in row 3"),
            (b"a,t\n1,1e99\n2,0.5\n", "column 't': expected numbers up to 3.4e"),
            (b"a,t\n1,p\n2,p\n", "target 't': expected at least two classes, found only 'p'"),
            (b"a,t\n1,5\n2,5\n", "target 't': expected at least two classes, found only 5"),
            (b"a,t\n1,caf\xe9\n", "UTF-8 text, found byte e9 in line 2"),
            (b'a,t\n1,"p\n2,q\n', "every quote to be closed, found an open one in row 1"),
            (b"a,t\n" + b"".join(b"w%d,%d\n" % (i, i % 2) for i in range(101)), "at most 100 categories, found 101"),
        ],
    )  # fmt: skip
    def test_contents(self, csv_file, content, message):
        with pytest.raises(ValueError, match=rf"(?s)data\.csv: .*{message}"):
            load_csv(csv_file(content), "t")

    def test_truncated_gzip(self, csv_file):
        path = csv_file(gzip.compress(b"a,t\n" + b"1,p\n2,q\n" * 99)[:-12], "data.csv.gz")
        with pytest.raises(ValueError, match="expected a whole compressed file"):
            load_csv(path, "t")

    def test_unknown_columns_are_answered_with_those_that_exist(self, csv_file):
        path = csv_file("a,b,t\n1,2,p\n2,3,q\n")
        with pytest.raises(ValueError, match="target: no column 'species'; the columns are 'a', 'b', 't'"):
            load_csv(path, "species")
        with pytest.raises(ValueError, match="ignore: no column 'x'"):
            load_csv(path, "t", ignore=["a", "x"])
        with pytest.raises(ValueError, match="categorical: no column 'x'"):
            load_csv(path, "t", categorical=["x"])

    def test_hints_for_other_delimiters_and_headerless_files(self, csv_file):
        with pytest.raises(ValueError, match="is ',' what separates the fields"):
            load_csv(csv_file("a;b;t\n1;2;p\n"), "t")
        with pytest.raises(ValueError, match="first line must hold the names"):
            load_csv(csv_file("1,2,3\n4,5,6\n"), "t")

    def test_target_cannot_be_ignored(self, csv_file):
        with pytest.raises(ValueError, match="columns other than the target, found 't'"):
            load_csv(csv_file("a,t\n1,p\n"), "t", ignore=["t"])

    def test_text_target_is_no_regression(self, csv_file):
        with pytest.raises(ValueError, match="expected numbers for regression, found text such as 'p'"):
            load_csv(csv_file("a,t\n1,p\n2,q\n"), "t", task="regression")

    @pytest.mark.parametrize(
        ("arguments", "error", "message"),
        [
            ({"task": "ranking"}, ValueError, "task: expected 'classification', 'regression' or None, found 'ranking'"),
            ({"delimiter": ",,"}, ValueError, "delimiter: expected one character, found ',,'"),
            ({"dtype": "int32"}, ValueError, "dtype: expected float32 or float64, found int32"),
            ({"ignore": "a"}, TypeError, "ignore: expected a sequence of column names, found one str: 'a'"),
            ({"categorical": "a"}, TypeError, "categorical: expected a sequence of column names"),
        ],
    )
    def test_arguments(self, csv_file, arguments, error, message):
        with pytest.raises(error, match=message):
            load_csv(csv_file("a,t\n1,p\n2,q\n"), "t", **arguments)

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            ("age\n1\n", "expected a column 'colour', found 'age'"),
            (
                "age,colour\n1,mauve\n",
                r"'colour': expected one of the categories 'blue', 'red', found 'mauve' in row 1",
            ),
            ("age,colour\n,red\n", r"missing values: column 'age' in 1 of 1 rows"),
            ("age,colour\nold,red\n", "column 'age': expected numbers, found 'old' in row 1"),
            ("age,colour\n", "at least one row"),
        ],
    )
    def test_encoding_another_file(self, csv_file, content, message):
        table = load_csv(csv_file("age,colour,kind\n1,red,b\n2,blue,a\n"), "kind")
        with pytest.raises(ValueError, match=rf"other\.csv: .*{message}"):
            table.encode(csv_file(content, "other.csv"))


def test_without_pyarrow_the_error_names_the_extra(csv_file, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ImportError, match=r'pip install "fastbp\[cli\]"'):
        load_csv(csv_file("a,t\n1,p\n"), "t")


def test_import_loads_neither_pyarrow_nor_the_digits():
    code = "import sys, fastbp.datasets; print([m for m in ('pyarrow', 'tqdm', 'pandas') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
