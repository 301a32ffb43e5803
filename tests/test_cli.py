"""The command line: every command, every data source, every way a user can go wrong."""

import csv
import errno
import gzip
import io
import os
import re
import signal
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import fastbp
from fastbp.cli import main
from fastbp.cli.data import split
from fastbp.cli.recipe import Recipe, Scaling
from fastbp.cli.report import confusion_matrix, format_confusion, regression_figures
from fastbp.datasets import load_digits
from fastbp.progress import ProgressBar

pytest.importorskip("pyarrow", reason="the command line needs the extra cli")

COMMAND = [sys.executable, "-m", "fastbp"]


@pytest.fixture(autouse=True)
def _own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def run(capsys):
    def call(*arguments):
        try:
            status = main([str(argument) for argument in arguments])
        except SystemExit as end:  # argparse
            status = end.code
        return status, *capsys.readouterr()

    return call


@pytest.fixture
def refuse(run):
    """Run a command that has to fail with one line on standard error, and return the line."""

    def call(*arguments):
        status, _, err = run(*arguments)
        assert status == 2
        assert "Traceback" not in err
        return err.strip().splitlines()[-1]

    return call


def write_flowers(path, n=60, header="petal,colour,species"):
    rng = np.random.default_rng(0)
    with open(path, "w") as file:
        print(header, file=file)
        for i in range(n):
            kind = i % 3
            print(f"{1000 + 5 * kind + rng.normal():.4f},{('red', 'blue', 'red')[kind]},kind-{kind}", file=file)
    return path


def write_houses(path, n=200):
    rng = np.random.default_rng(0)
    with open(path, "w") as file:
        print("area,rooms,constant,price", file=file)
        for _ in range(n):
            area, rooms = rng.uniform(20, 200), rng.integers(1, 7)
            print(f"{area:.3f},{rooms},3.3,{1000 * area + 5000 * rooms + 100000 + rng.normal(0, 100):.2f}", file=file)
    return path


def write_images(folder, labels=(3, 5, 9)):
    """Write a folder of MNIST's form; the label of an image is which of its rows is lit."""
    rng = np.random.default_rng(0)
    folder.mkdir()
    for part, n in (("train", 90), ("t10k", 30)):
        codes = rng.integers(0, 3, n)
        images = rng.integers(0, 50, (n, 3, 4), np.uint8)
        images[np.arange(n), codes] += 150
        header = bytes([0, 0, 8, 3]) + struct.pack(">3I", *images.shape)
        (folder / f"{part}-images-idx3-ubyte.gz").write_bytes(gzip.compress(header + images.tobytes()))
        header = bytes([0, 0, 8, 1]) + struct.pack(">I", n)
        (folder / f"{part}-labels-idx1-ubyte").write_bytes(header + np.take(labels, codes).astype("u1").tobytes())
    return folder


class TestDigits:
    def test_default_training_reaches_97_percent(self, run):
        status, out, err = run("train")
        assert status == 0
        assert float(re.search(r"test accuracy: ([\d.]+) %", out)[1]) >= 97
        assert "\nconfusion matrix (row: true class, column: predicted)\n" in out
        assert "\nmodel written: digits-model.npz\nnext: fastbp info digits-model.npz\n" in out
        lines = err.splitlines()
        assert re.fullmatch(r"epoch +1/\d+  loss [\d.]+  val_loss [\d.]+  val_accuracy [\d.]+", lines[0])
        assert len(lines) == int(re.search(r"trained (\d+) epochs", out)[1])
        assert not re.search(r"[\r\x1b]", out + err)

    def test_same_seed_same_model(self, run):
        for name in ("a.npz", "b.npz"):
            assert run("train", "--epochs", 2, "--seed", 3, "--out", name)[0] == 0
        assert run("train", "--epochs", 2, "--seed", 4, "--out", "c.npz")[0] == 0
        a, b, c = (fastbp.Network.load(name) for name in ("a.npz", "b.npz", "c.npz"))
        assert a.params.tobytes() == b.params.tobytes()
        assert a.params.tobytes() != c.params.tobytes()

    def test_options_reach_the_network(self, run):
        status, out, _ = run(
            *("train", "--hidden", "16,8", "--activation", "tanh", "--epochs", 2, "--batch-size", 50),
            *("--learning-rate", 0.05, "--optimizer", "sgd", "--threads", 2, "--out", "m.npz"),
        )
        assert status == 0
        assert "network 64-16-8-10, tanh" in out
        assert "sgd, learning rate 0.05, batches of 50, at most 2 epochs" in out
        net = fastbp.Network.load("m.npz")
        assert [layer.n_out for layer in net.layers] == [16, 8, 10]
        assert [layer.activation for layer in net.layers] == ["tanh", "tanh", "softmax"]
        assert net.metadata["settings"]["threads"] == 2

    @pytest.mark.parametrize("name", ["digits.npy", "digits.csv", "headed.csv", "digits.csv.gz", "images.npy", "d.idx"])
    def test_predict_from_every_kind_of_file(self, run, name):
        X, y = load_digits()
        X, y = X[:50], y[:50]
        if name == "d.idx":
            header = bytes([0, 0, 8, 3]) + struct.pack(">3I", 50, 8, 8)
            Path(name).write_bytes(header + X.astype("u1").tobytes())
        elif name.endswith(".npy"):
            np.save(name, X.reshape(50, 8, 8) if name == "images.npy" else X)
        else:
            header = ",".join(f"p{i}" for i in range(64)) if name == "headed.csv" else ""
            np.savetxt(name, X, delimiter=",", header=header, comments="")
        run("train", "--epochs", 15)
        status, out, _ = run("predict", "digits-model.npz", name)
        assert status == 0
        assert np.mean(np.array(out.split(), int) == y) > 0.95


class TestTables:
    def test_classification(self, run):
        write_flowers("flowers.csv")
        status, out, _ = run("train", "--csv", "flowers.csv", "--target", "species")
        assert status == 0
        assert "42 training + 6 validation + 12 test samples, 3 features, 3 classes" in out
        assert "test accuracy: 100.00 % (12 of 12)" in out
        assert "next: fastbp predict flowers-model.npz flowers.csv" in out
        status, out, _ = run("predict", "flowers-model.npz", "flowers.csv")
        assert out.split() == [f"kind-{i % 3}" for i in range(60)]

    def test_probabilities(self, run):
        write_flowers("flowers.csv")
        run("train", "--csv", "flowers.csv", "--target", "species", "--out", "m.npz")
        status, out, _ = run("predict", "m.npz", "flowers.csv", "--proba")
        assert status == 0
        header, *rows = csv.reader(io.StringIO(out))
        assert header == ["prediction", "kind-0", "kind-1", "kind-2"]
        assert len(rows) == 60
        p = np.array([row[1:] for row in rows], float)
        np.testing.assert_allclose(p.sum(axis=1), 1, atol=1e-5)
        assert [row[0] for row in rows] == [header[1:][i] for i in p.argmax(axis=1)]

    def test_predict_to_a_file(self, run):
        write_flowers("flowers.csv")
        run("train", "--csv", "flowers.csv", "--target", "species", "--out", "m.npz")
        status, out, _ = run("predict", "m.npz", "flowers.csv", "--out", "answers.txt")
        assert (status, out) == (0, "")
        assert Path("answers.txt").read_text().split() == [f"kind-{i % 3}" for i in range(60)]

    def test_regression_is_told_in_the_units_of_the_target(self, run):
        write_houses("houses.csv")
        status, out, err = run("train", "--csv", "houses.csv", "--target", "price", "--seed", 1)
        assert status == 0
        assert "4 features" not in out
        assert "3 features, regression" in out
        assert "confusion" not in out
        assert "val_r2" in err
        r2, rmse = re.search(r"test R2: ([\d.]+), RMSE: ([\d.]+), on 40 samples", out).groups()
        assert float(r2) > 0.98
        status, out, _ = run("predict", "houses-model.npz", "houses.csv")
        price = np.loadtxt("houses.csv", delimiter=",", skiprows=1)[:, 3]
        error = np.sqrt(np.mean((np.array(out.split(), float) - price) ** 2))
        assert error < 2 * float(rmse)
        assert error < 0.2 * price.std()

    def test_predict_does_what_python_does(self, run):
        write_houses("houses.csv")
        run("train", "--csv", "houses.csv", "--target", "price", "--epochs", 5)
        _, out, _ = run("predict", "houses-model.npz", "houses.csv")
        net = fastbp.Network.load("houses-model.npz")
        recipe = Recipe.from_dict(net.metadata["recipe"])
        X = np.loadtxt("houses.csv", delimiter=",", skiprows=1)[:, :3]
        scaled = (X - recipe.features.mean) / recipe.features.scale
        y = net.predict(scaled.astype(np.float32)).ravel() * recipe.target.scale + recipe.target.mean
        np.testing.assert_allclose(np.array(out.split(), float), y, rtol=1e-5)
        assert recipe.features.scale[2] == 1  # the constant column

    def test_large_values_that_differ_little_keep_their_meaning(self, run):
        with open("times.csv", "w") as file:
            print("time,late", file=file)
            for i in range(100):
                print(f"{1_700_000_000 + i},{'yes' if i >= 50 else 'no'}", file=file)
        status, out, _ = run("train", "--csv", "times.csv", "--target", "late")
        assert status == 0
        assert float(re.search(r"test accuracy: ([\d.]+) %", out)[1]) >= 90

    def test_table_options(self, run):
        with open("t.csv", "w") as file:
            print("id\tzip\tscore", file=file)
            for i in range(60):
                print(f"w{i}\t{i % 3}\t{i % 3}", file=file)
        options = ("--target", "score", "--delimiter", r"\t", "--ignore", "id", "--categorical", "zip", "--epochs", 2)
        status, out, _ = run("train", "--csv", "t.csv", *options)
        assert status == 0
        assert "3 features, 3 classes" in out
        status, out, _ = run("train", "--csv", "t.csv", *options, "--task", "regression")
        assert "3 features, regression" in out

    def test_learns_with_every_optimizer_and_activation(self, run):
        write_flowers("flowers.csv")
        for options in (("--optimizer", "sgd"), ("--activation", "silu"), ("--activation", "sigmoid")):
            status, out, _ = run("train", "--csv", "flowers.csv", "--target", "species", *options)
            assert status == 0
            assert float(re.search(r"test accuracy: ([\d.]+) %", out)[1]) > 90


class TestImages:
    def test_train_and_predict(self, run, tmp_path):
        folder = write_images(tmp_path / "rows")
        status, out, _ = run("train", "--idx", folder, "--epochs", 50)
        assert status == 0
        assert "rows: 82 training + 8 validation + 30 test samples, 12 features, 3 classes" in out
        assert "test accuracy: 100.00 % (30 of 30)" in out
        status, out, _ = run("predict", "rows-model.npz", folder / "t10k-images-idx3-ubyte.gz")
        labels = list((folder / "t10k-labels-idx1-ubyte").read_bytes()[8:])
        assert [int(line) for line in out.split()] == labels

    def test_a_file_where_a_folder_is_needed(self, refuse, tmp_path):
        folder = write_images(tmp_path / "rows")
        assert "expected a folder" in refuse("train", "--idx", folder / "train-labels-idx1-ubyte")

    def test_a_folder_without_the_files(self, refuse, tmp_path):
        assert "expected one of train-images-idx3-ubyte" in refuse("train", "--idx", tmp_path)

    def test_a_label_that_only_the_test_part_has(self, refuse, tmp_path):
        folder = write_images(tmp_path / "rows")
        path = folder / "t10k-labels-idx1-ubyte"
        path.write_bytes(path.read_bytes()[:-1] + b"\x07")
        assert "expected test labels among [3, 5, 9], found [7]" in refuse("train", "--idx", folder)


class TestInfo:
    def test_summary_and_metadata(self, run):
        write_flowers("flowers.csv")
        run("train", "--csv", "flowers.csv", "--target", "species", "--hidden", "7", "--epochs", 3)
        status, out, _ = run("info", "flowers-model.npz")
        assert status == 0
        assert str(fastbp.Network.load("flowers-model.npz")) in out
        for line in (
            f"made_by: fastbp train, version {fastbp.__version__}",
            "  classes: kind-0, kind-1, kind-2",
            "      petal: number",
            "      colour: blue, red",
            "  hidden: 7",
            "  epochs: 3",
        ):
            assert f"\n{line}\n" in out

    def test_a_model_saved_in_python(self, run):
        net = fastbp.Network.mlp([2, 3, 1], output="identity", seed=0)
        net.save("net.npz")
        status, out, _ = run("info", "net.npz")
        assert (status, out) == (0, str(net) + "\n")


class TestWrongOptions:
    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ([], "COMMAND"),
            (["tarin"], "invalid choice: 'tarin'"),
            (["train", "--hidden", "12,x"], "--hidden: expected whole numbers of 1 or more .*, found '12,x'"),
            (["train", "--hidden", "0"], "--hidden: expected whole numbers of 1 or more"),
            (["train", "--activation", "rely"], "--activation: invalid choice: 'rely'"),
            (["train", "--optimizer", "adma"], "--optimizer: invalid choice: 'adma'"),
            (["train", "--epochs", "0"], "--epochs: expected a whole number of 1 or more, found '0'"),
            (["train", "--epochs", "1.5"], "--epochs: expected a whole number of 1 or more, found '1.5'"),
            (["train", "--batch-size", "-1"], "--batch-size: expected a whole number of 1 or more, found '-1'"),
            (["train", "--threads", "0"], "--threads: expected a whole number of 1 or more, found '0'"),
            (["train", "--seed", "-1"], "--seed: expected a whole number of 0 or more, found '-1'"),
            (["train", "--learning-rate", "0"], "--learning-rate: expected a number above 0, found '0'"),
            (["train", "--learning-rate", "nan"], "--learning-rate: expected a number above 0, found 'nan'"),
            (["train", "--csv", "a.csv", "--idx", "b"], "--idx: not allowed with argument --csv"),
            (["train", "--csv", "a.csv"], "--csv: expected --target COLUMN as well"),
            (["train", "--target", "t"], "--target: expected together with --csv FILE only"),
            (["train", "--idx", ".", "--ignore", "x"], "--ignore: expected together with --csv FILE only"),
            (["train", "--out", "model.txt"], r"--out: expected a name that ends in \.npz, found 'model.txt'"),
            (["train", "--out", "no/such/m.npz"], "--out: cannot write to the folder no/such: No such file"),
            (["train", "--csv", "none.csv", "--target", "t"], "none.csv: No such file"),
            (["train", "--idx", "none"], "none: No such file"),
            (["predict", "none.npz", "x.csv"], "none.npz"),
            (["info", "none.npz"], "none.npz"),
            (["predict"], "MODEL, FILE"),
        ],
    )
    def test_one_line_and_status_2(self, refuse, arguments, message):
        assert re.search(message, refuse(*arguments))

    def test_out_is_a_folder(self, refuse, tmp_path):
        (tmp_path / "m.npz").mkdir()
        assert "--out: expected a file, found the folder m.npz" in refuse("train", "--out", "m.npz")


class TestWrongFiles:
    @pytest.mark.parametrize(
        ("content", "message"),
        [
            ("", "found an empty file"),
            ("a,t\n", "at least one row"),
            ("a,b\n1,2\n", "target: no column 't'; the columns are 'a', 'b'"),
            ("a,t\n1,p\n2\n", "2 fields in every line"),
            ("a,t\n,p\n2,q\n", "missing values: column 'a' in 1 of 2 rows"),
            ("a,t\n1,p\n2,q\n3,p\nx,q\n", "column 'a': expected numbers, found 'x' in row 4"),
            ("a,t\n1,p\n2,q\n3,p\n", "expected enough rows"),
            ("a,t\n1,0.5\n2,1\n3,2\n", "expected enough rows .* found 3 rows in 1 group$"),
        ],
    )
    def test_training_table(self, refuse, content, message):
        Path("bad.csv").write_text(content)
        assert re.search(f"bad.csv: .*{message}", refuse("train", "--csv", "bad.csv", "--target", "t"))
        assert not os.path.exists("bad-model.npz")

    @pytest.fixture
    def digits_model(self, run):
        run("train", "--epochs", 1, "--out", "m.npz")
        return "m.npz"

    @pytest.mark.parametrize(
        ("name", "content", "message"),
        [
            ("x.npy", b"", "expected a NumPy file"),
            ("x.npy", b"junk", "expected a NumPy file"),
            ("x.npy", np.zeros((2, 63)), r"images of 64 pixels, found an array of shape \(2, 63\)"),
            ("x.npy", np.zeros(64), r"images of 64 pixels, found an array of shape \(64,\)"),
            ("x.npy", np.full((2, 64), np.nan), "expected finite numbers"),
            ("x.npy", np.full((2, 64), "a"), "expected finite numbers, found <U1"),
            ("x.npy", np.full((2, 64), None), "expected a NumPy file .* of numbers"),
            ("x.npy", np.zeros((0, 64)), r"expected finite numbers, found float64 of shape \(0, 64\)"),
            ("x.idx", b"junk", "expected an IDX file"),
            ("x.csv", b"1,2\n3,4\n", "expected 64 columns of numbers, found 2"),
            ("x.csv", b"0," * 63 + b"0\n" + b"0," * 63 + b"x\n", "column 'number 64': expected numbers, found 'x'"),
            ("x.csv", b"", "found an empty file"),
            ("none.npy", None, "No such file"),
        ],
    )
    def test_images_to_predict(self, refuse, digits_model, name, content, message):
        if isinstance(content, np.ndarray):
            np.save(name, content, allow_pickle=True)
        elif content is not None:
            Path(name).write_bytes(content)
        assert re.search(f"{name}: .*{message}", refuse("predict", digits_model, name))

    def test_table_to_predict_lacks_a_column(self, refuse, run):
        write_flowers("flowers.csv")
        run("train", "--csv", "flowers.csv", "--target", "species", "--epochs", 1)
        Path("other.csv").write_text("petal,species\n1,2\n")
        message = refuse("predict", "flowers-model.npz", "other.csv")
        assert "other.csv: expected a column 'colour', found 'petal', 'species'" in message

    def test_proba_of_a_regression(self, refuse, run):
        write_houses("houses.csv")
        run("train", "--csv", "houses.csv", "--target", "price", "--epochs", 1)
        assert "--proba: expected a model of classes" in refuse("predict", "houses-model.npz", "houses.csv", "--proba")

    def test_predict_into_a_folder_that_is_not_there(self, refuse, digits_model):
        np.save("x.npy", np.zeros((2, 64)))
        assert "no/such.txt: No such file" in refuse("predict", digits_model, "x.npy", "--out", "no/such.txt")

    @pytest.mark.parametrize("content", [b"", b"junk", b"PK\x03\x04junk"])
    def test_no_model(self, refuse, content):
        Path("bad.npz").write_bytes(content)
        assert "bad.npz" in refuse("info", "bad.npz")
        assert "bad.npz" in refuse("predict", "bad.npz", "x.csv")

    def test_truncated_model(self, refuse, digits_model):
        data = Path(digits_model).read_bytes()
        Path("half.npz").write_bytes(data[: len(data) // 2])
        assert "half.npz" in refuse("info", "half.npz")

    def test_a_model_that_fastbp_train_did_not_write(self, refuse):
        net = fastbp.Network.mlp([2, 3, 1], output="identity", seed=0)
        net.save("net.npz")
        assert "net.npz: expected a model written by fastbp train" in refuse("predict", "net.npz", "x.csv")
        net.metadata["recipe"] = {"classes": None}
        net.save("net.npz")
        assert "net.npz: expected the recipe of fastbp train" in refuse("predict", "net.npz", "x.csv")


class TestInterruptionsAndFailures:
    def test_divergence(self, refuse):
        write_houses("houses.csv")
        options = ("--optimizer", "sgd", "--learning-rate", "1e30", "--activation", "identity")
        message = refuse("train", "--csv", "houses.csv", "--target", "price", *options)
        assert "training diverged: in epoch 0" in message
        assert not os.path.exists("houses-model.npz")

    def test_disk_full(self, refuse, monkeypatch):
        def save(self, path):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

        monkeypatch.setattr(fastbp.Network, "save", save)
        assert refuse("train", "--epochs", 1) == (
            "fastbp: error: cannot write the model digits-model.npz: No space left on device"
        )

    def test_unwritable_folder_is_noticed_before_training(self, refuse, monkeypatch):
        def no(*args, **kwargs):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), "x")

        monkeypatch.setattr("tempfile.TemporaryFile", no)
        monkeypatch.setattr(fastbp.Trainer, "fit", lambda *args, **kwargs: pytest.fail("trained all the same"))
        assert refuse("train") == "fastbp: error: --out: cannot write to the folder .: Permission denied"

    def test_missing_pyarrow(self, refuse, monkeypatch):
        monkeypatch.setitem(sys.modules, "pyarrow", None)
        write_flowers("flowers.csv")
        message = refuse("train", "--csv", "flowers.csv", "--target", "species")
        assert 'pip install "fastbp[cli]"' in message

    def test_ctrl_c_keeps_the_model_trained_so_far(self, run, monkeypatch):
        show = ProgressBar.on_epoch_end

        def third_time(self, trainer, epoch, logs):
            show(self, trainer, epoch, logs)
            if epoch == 2:
                raise KeyboardInterrupt

        monkeypatch.setattr(ProgressBar, "on_epoch_end", third_time)
        status, _, err = run("train")
        assert status == 130
        assert err.splitlines()[3:] == [
            "fastbp: interrupted; the model as of its best epoch, 3, untested, was written to digits-model.npz"
        ]
        result = fastbp.Network.load("digits-model.npz").metadata["result"]
        assert result == {"interrupted": True, "epochs": 3, "best_epoch": 3}
        np.save("x.npy", load_digits()[0])
        status, out, _ = run("predict", "digits-model.npz", "x.npy")
        assert np.mean(np.array(out.split(), int) == load_digits()[1]) > 0.9

    def test_ctrl_c_in_the_first_epoch_leaves_no_model(self, run, monkeypatch):
        def at_once(self, trainer):
            raise KeyboardInterrupt

        monkeypatch.setattr(ProgressBar, "on_fit_begin", at_once)
        status, _, err = run("train")
        assert (status, err) == (130, "fastbp: interrupted in the first epoch; no model was written\n")
        assert not os.path.exists("digits-model.npz")

    def test_ctrl_c_while_loading(self, run, monkeypatch):
        def interrupted():
            raise KeyboardInterrupt

        monkeypatch.setattr("fastbp.cli.data.load_digits", interrupted)
        assert run("train") == (130, "", "fastbp: interrupted; nothing was written\n")


class TestProcess:
    """What can only be seen from outside."""

    def test_version_from_another_process(self):
        done = subprocess.run([*COMMAND, "--version"], capture_output=True, text=True, check=True)
        assert done.stdout == f"fastbp {fastbp.__version__}\n"

    def test_train_then_predict(self):
        done = subprocess.run([*COMMAND, "train", "--epochs", "2"], capture_output=True, text=True)
        assert done.returncode == 0
        assert len(done.stderr.splitlines()) == 2
        assert not re.search(r"[\r\x1b]", done.stdout + done.stderr)

    def test_error_status(self):
        done = subprocess.run([*COMMAND, "info", "none.npz"], capture_output=True, text=True)
        assert done.returncode == 2
        assert done.stdout == ""
        assert len(done.stderr.splitlines()) == 1
        assert "none.npz" in done.stderr

    @pytest.mark.skipif(os.name != "posix", reason="pseudo-terminals are POSIX")
    def test_bar_in_a_terminal(self):
        pytest.importorskip("tqdm", reason="the bar needs the extra cli")
        import pty

        leader, follower = pty.openpty()
        command = [*COMMAND, "train", "--epochs", "3"]
        environment = {**os.environ, "TERM": "xterm"}
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=follower, env=environment) as process:
            os.close(follower)
            text = b""
            try:
                while chunk := os.read(leader, 4096):
                    text += chunk
            except OSError as error:
                if error.errno != errno.EIO:  # Linux's end of file
                    raise
        os.close(leader)
        assert process.returncode == 0
        assert b"3/3" in text
        assert b"\r" in text
        assert b"val_accuracy" in text

    @pytest.mark.skipif(os.name != "posix", reason="signals are sent the POSIX way")
    def test_ctrl_c(self):
        # A shell's background job ignores SIGINT and hands that down, so the process has to be told to listen.
        listen = "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler)"
        code = f"{listen}; from fastbp.cli import main; sys.exit(main(['train', '--epochs', '1000000']))"
        command = [sys.executable, "-c", code]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
            assert process.stderr.readline().startswith("epoch")
            process.send_signal(signal.SIGINT)
            rest = process.stderr.read().splitlines()
        assert process.returncode == 130
        assert rest[-1].startswith("fastbp: interrupted; the model as of its best epoch")
        assert all(line.startswith("epoch ") for line in rest[:-1])
        assert os.path.exists("digits-model.npz")

    @pytest.mark.skipif(os.name != "posix", reason="needs a shell with pipes")
    def test_a_closed_pipe_is_no_error(self):
        subprocess.run([*COMMAND, "train", "--epochs", "1"], check=True, capture_output=True)
        np.save("x.npy", np.zeros((100000, 64), "f4"))
        with subprocess.Popen(
            [*COMMAND, "predict", "digits-model.npz", "x.npy"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process:
            process.stdout.readline()
            process.stdout.close()
            assert process.stderr.read() == b""
        assert process.returncode == 0


class TestParts:
    """The pieces the commands are made of."""

    def test_split_keeps_shares_within_every_class(self):
        groups = np.repeat([0, 1, 2], [100, 20, 3])
        parts = split(groups, 0, 0.1, 0.2)
        assert [np.bincount(groups[rows], minlength=3).tolist() for rows in parts] == [
            [70, 14, 2],
            [10, 2, 0],
            [20, 4, 1],
        ]
        assert sorted(np.concatenate(parts)) == list(range(123))

    def test_split_depends_on_the_seed_alone(self):
        groups = np.arange(100) % 4
        for a, b in zip(split(groups, 7, 0.1, 0.2), split(groups, 7, 0.1, 0.2), strict=True):
            np.testing.assert_array_equal(a, b)
        assert split(groups, 7, 0.1, 0.2)[2].tolist() != split(groups, 8, 0.1, 0.2)[2].tolist()

    def test_scaling(self):
        X = np.array([[1.0, 5, 0.1], [3, 5, 0.1], [8, 5, 0.1]])
        scaling = Scaling.fit(X)
        assert scaling.scale[1:].tolist() == [1, 1]
        scaled = scaling.apply(X)
        assert scaled.dtype == np.float32
        np.testing.assert_allclose(scaled[:, 0].mean(), 0, atol=1e-7)
        np.testing.assert_allclose(scaled[:, 0].std(), 1, rtol=1e-6)
        np.testing.assert_allclose(scaling.undo(scaled), X, rtol=1e-6)
        again = Scaling.from_dict(scaling.to_dict())
        assert again.mean.tolist() == scaling.mean.tolist()
        assert again.scale.tolist() == scaling.scale.tolist()

    def test_shared_scale(self):
        X = np.array([[0.0, 0], [2, 0], [0, 0], [2, 8]])
        scaling = Scaling.fit(X, shared_scale=True)
        np.testing.assert_allclose(scaling.scale, np.sqrt((1 + 12) / 2))
        assert Scaling.fit(np.ones((3, 2)), shared_scale=True).scale.tolist() == [1, 1]

    def test_regression_figures(self):
        y, predicted = np.array([1.0, 2, 3, 6]), np.array([1.0, 2, 4, 5])
        figures = regression_figures(y, predicted)
        assert figures["r2"] == pytest.approx(1 - 2 / 14)
        assert figures["rmse"] == pytest.approx(np.sqrt(0.5))
        assert regression_figures(np.ones(3), np.zeros(3)) == {"r2": None, "rmse": 1.0}

    def test_confusion_matrix(self):
        matrix = confusion_matrix(np.array([0, 0, 1, 2, 2]), np.array([0, 1, 1, 2, 0]), 3)
        assert matrix.tolist() == [[1, 1, 0], [0, 1, 0], [1, 0, 1]]

    def test_confusion_table_is_aligned(self):
        text = format_confusion(np.array([[10, 2], [0, 123]]), ("ox", "a very long name"))
        assert text.splitlines() == [
            "confusion matrix (row: true class, column: predicted)",
            "                        ox  a very lon..",
            "          ox            10             2",
            "a very lon..             0           123",
        ]

    def test_many_classes_give_the_commonest_mistakes(self):
        matrix = 50 * np.eye(30, dtype=int)
        assert format_confusion(matrix, range(30)) == "commonest mistakes:\n  none"
        matrix[3, 4], matrix[20, 10] = 2, 7
        assert format_confusion(matrix, range(30)).splitlines() == [
            "commonest mistakes:", "  20 taken for 10: 7", "  3 taken for 4: 2",
        ]  # fmt: skip
