"""Model files: bit for bit there and back, whole or not there, and clear about what is no model."""

import copy
import io
import json
import os
import pickle
import zipfile

import numpy as np
import pytest

import fastbp
from tests import makers as make

DENSE = {"kind": "dense", "n_out": 3, "activation": "softmax", "initializer": "zeros", "bias": True}
METADATA = {"classes": ["a", "ö", "日本"], "scale": [0.1, 1e300], "nested": {"n": None, "yes": True}, "nul": "a\0"}


@pytest.fixture
def net(dtype):
    layers = [fastbp.Dense(9, "gelu"), fastbp.Dense(4, "tanh", "lecun_normal", bias=False), fastbp.Dense(3, "softmax")]
    net = fastbp.Network(5, layers, dtype=dtype, seed=3)
    net.metadata = dict(METADATA)
    net.params[:4] = [np.finfo(dtype).max, np.finfo(dtype).tiny / 2, -0.0, 1 / 3]
    return net


@pytest.fixture
def saved(tmp_path):
    """A model file, and its network."""
    net, path = make.network([5, 7, 3], output="softmax", dtype="float32"), tmp_path / "model.npz"
    net.save(path)
    return net, path


def check_same(got, expected):
    assert make.same_bits(got.params, expected.params)
    assert got.layers == expected.layers
    for name in ("n_in", "n_out", "n_params", "dtype"):
        assert getattr(got, name) == getattr(expected, name)
    assert got.metadata == expected.metadata
    assert str(got) == str(expected)
    X = make.samples(9, got.n_in)
    assert make.same_bits(got.predict(X), expected.predict(X))
    # Its own memory, in use: what is written is predicted with.
    assert not np.shares_memory(got.params, expected.params)
    got.params[...] = 0
    assert not got.named_parameters()["0.weight"].any()
    assert not make.same_bits(got.predict(X), expected.predict(X))


@pytest.mark.parametrize("as_path", [str, lambda path: path, os.fsencode], ids=["str", "Path", "bytes"])
def test_there_and_back(net, tmp_path, as_path):
    path = tmp_path / "a model.of any name"
    net.save(as_path(path))
    assert os.listdir(tmp_path) == [path.name]
    check_same(fastbp.Network.load(as_path(path)), net)


def test_a_loaded_network_trains(saved):
    net, path = saved
    loaded = fastbp.Network.load(path)
    X, y = make.samples(40, 5), make.targets("labels", 40, 3)
    for each in (net, loaded):
        fastbp.Trainer(each).fit(X, y, epochs=3)
    assert make.same_bits(loaded.params, net.params)


def test_files_are_plain_numpy_archives(net, tmp_path):
    path = tmp_path / "model.npz"
    net.save(path)
    with np.load(path, allow_pickle=False) as file:
        assert sorted(file.files) == ["config", "params"]
        assert make.same_bits(file["params"], net.params)
        config = json.loads(str(file["config"]))
    assert (config["format"], config["version"]) == ("fastbp network", 1)
    assert {**DENSE, "initializer": net.layers[2].initializer}.items() <= config["layers"][2].items()


@pytest.mark.parametrize("there_and_back", ["pickle", "oldest pickle", "copy", "deepcopy"])
def test_pickles_and_copies(net, there_and_back):
    make_twin = {
        "pickle": lambda net: pickle.loads(pickle.dumps(net)),
        "oldest pickle": lambda net: pickle.loads(pickle.dumps(net, protocol=2)),
        "copy": copy.copy,
        "deepcopy": copy.deepcopy,
    }
    check_same(make_twin[there_and_back](net), net)


def test_deep_copies_share_nothing(net):
    twin = copy.deepcopy(net)
    twin.metadata["nested"]["n"] = 1
    assert net.metadata == METADATA


# Writing --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("metadata", "error"), [({"a": {1}}, TypeError), ({"a": np.ones(2)}, TypeError), ({"a": float("nan")}, ValueError)]
)
def test_metadata_that_json_cannot_hold(saved, metadata, error):
    net, path = saved
    before = path.read_bytes()
    net.metadata = metadata
    with pytest.raises(error, match=r"JSON|json"):
        net.save(path)
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == [path.name]


@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt()], ids=repr)
@pytest.mark.parametrize("broken", ["numpy.savez", "os.replace"])
def test_an_older_file_stays_when_writing_fails(saved, monkeypatch, broken, error):
    net, path = saved
    before = path.read_bytes()

    def fail(*args, **kwargs):
        if hasattr(args[0], "write"):
            args[0].write(b"half of it")
        raise error

    monkeypatch.setattr(broken, fail)
    net.params[...] = 0
    with pytest.raises(type(error)):
        net.save(path)
    monkeypatch.undo()
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == [path.name]
    net.save(path)
    assert not fastbp.Network.load(path).params.any()


def test_a_file_is_whole_before_it_takes_its_place(saved, monkeypatch):
    net, path = saved
    net.params[...] = 5
    replace = os.replace

    def look(source, destination):
        assert fastbp.Network.load(source).params.tolist() == [5] * net.n_params
        replace(source, destination)

    monkeypatch.setattr("os.replace", look)
    net.save(path)
    assert fastbp.Network.load(path).params.tolist() == [5] * net.n_params


def test_writing_to_where_it_cannot_be(saved, tmp_path):
    net, path = saved
    with pytest.raises(FileNotFoundError, match="missing"):
        net.save(tmp_path / "missing" / "model.npz")
    with pytest.raises(NotADirectoryError, match=r"model\.npz"):
        net.save(path / "model.npz")
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match="folder"):
        net.save(tmp_path / "folder")
    assert sorted(os.listdir(tmp_path)) == ["folder", path.name]


@pytest.fixture
def read_only(saved):
    """The file in a folder that cannot be written; root becomes somebody else for this."""
    net, path = saved
    user = os.geteuid()
    path.parent.chmod(0o500)
    if user == 0:
        os.seteuid(65534)
    yield net, path
    os.seteuid(user)
    path.parent.chmod(0o700)


def test_a_folder_that_is_read_only(read_only):
    net, path = read_only
    with pytest.raises(PermissionError, match=r"model\.npz"):
        net.save(path)


@pytest.mark.parametrize("path", [None, 10**6, io.BytesIO()], ids=type)
def test_what_is_no_path(saved, path):
    for use in (saved[0].save, fastbp.Network.load):
        with pytest.raises(TypeError, match="PathLike"):
            use(path)


# Reading --------------------------------------------------------------------------------------------------------------


def refuse(path, *words):
    with pytest.raises(ValueError, match=r"is not a fastbp model, version 1, as Network\.save writes it: ") as caught:
        fastbp.Network.load(path)
    assert str(path) in str(caught.value)
    for word in words:
        assert word in str(caught.value)


def rewrite(path, settings=None, **arrays):
    """Write the file anew with other settings in its config, or other arrays; None takes one away."""
    with np.load(path) as file:
        content = {"params": file["params"], "config": file["config"]}
    config = {**json.loads(str(content["config"])), **(settings or {})}
    content = {**content, "config": np.array(json.dumps(config)), **arrays}
    with open(path, "wb") as stream:
        np.savez(stream, **{name: array for name, array in content.items() if array is not None})


def test_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere\.npz"):
        fastbp.Network.load(tmp_path / "nowhere.npz")


def test_a_folder(tmp_path):
    with pytest.raises(OSError, match=str(tmp_path)):
        fastbp.Network.load(tmp_path)


NO_MODELS = {
    "empty": b"",
    "text": b"5.1,3.5,1.4,0.2\n",
    "binary": bytes(range(256)) * 4,
    "the head of an archive": b"PK\x03\x04" + bytes(40),
    "an empty archive": b"PK\x05\x06" + bytes(18),
    "a pickle": pickle.dumps({"params": [1, 2]}),
}


@pytest.mark.parametrize("content", NO_MODELS.values(), ids=NO_MODELS)
def test_other_files(tmp_path, content):
    path = tmp_path / "model.npz"
    path.write_bytes(content)
    refuse(path)


def test_truncated_files(saved):
    net, path = saved
    content = path.read_bytes()
    lengths = {*range(0, len(content), 37), *range(100), *range(len(content) - 100, len(content))}
    for length in sorted(lengths):
        path.write_bytes(content[:length])
        refuse(path)
    path.write_bytes(content)
    check_same(fastbp.Network.load(path), net)


def is_noticed(path, net):
    """Whether loading a damaged file says so; if it does not, there is nothing wrong with what was loaded."""
    try:
        loaded = fastbp.Network.load(path)
    except ValueError as error:
        return f"{str(path)!r} is not a fastbp model" in str(error)
    assert make.same_bits(loaded.params, net.params)
    assert loaded.layers == net.layers
    return False


def test_damaged_files(saved):
    """A flipped byte is noticed, or it is of no consequence; nothing but ValueError comes of it."""
    net, path = saved
    content, noticed = path.read_bytes(), 0
    places = np.random.default_rng(0).permutation(len(content))[:400]
    for place in [*places, *range(60), *range(len(content) - 150, len(content))]:
        damaged = bytearray(content)
        damaged[place] ^= 0xFF
        path.write_bytes(damaged)
        noticed += is_noticed(path, net)
    assert noticed > 400


class Evil:
    def __reduce__(self):
        return (os.mkdir, ("pickled-code-has-run",))


@pytest.mark.parametrize("name", ["params", "config"])
def test_pickles_are_refused(saved, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    rewrite(saved[1], **{name: np.array([Evil()], dtype=object)})
    refuse(saved[1], "allow_pickle=False")
    path = tmp_path / "pickle.npz"
    path.write_bytes(pickle.dumps(Evil()))
    refuse(path)
    assert sorted(os.listdir(tmp_path)) == ["model.npz", "pickle.npz"]


def test_an_array_without_an_archive(tmp_path):
    np.save(tmp_path / "model.npy", np.ones(3))
    refuse(tmp_path / "model.npy")


CHANGES = {
    "another format": ({"settings": {"format": "other"}}, ["format 'other'"]),
    "another version": ({"settings": {"version": 2}}, ["version 2"]),
    "no parameters": ({"params": None}, ["['config']", "params"]),
    "more than that": ({"more": np.ones(2)}, ["'more'"]),
    "too few parameters": ({"params": np.ones(5, "f4")}, ["66 parameters of float32", "(5,) of float32"]),
    "too many parameters": ({"params": np.ones(67, "f4")}, ["66 parameters of float32", "(67,) of float32"]),
    "parameters in 2-d": ({"params": np.ones((6, 11), "f4")}, ["66 parameters of float32", "(6, 11) of float32"]),
    "another dtype": ({"params": np.ones(66)}, ["66 parameters of float32", "(66,) of float64"]),
    "another dtype in the config": ({"settings": {"dtype": "float64"}}, ["66 parameters of float64", "float32"]),
    "an unknown dtype": ({"settings": {"dtype": "float16"}}, ["dtype must be float32 or float64, got 'float16'"]),
    "no input": ({"settings": {"n_in": 0}}, ["n_in must be at least 1, got 0"]),
    "text for a number": ({"settings": {"n_in": "5"}}, ["n_in must be an integer, got '5'"]),
    "huge": ({"settings": {"n_in": 2**50}}, []),
    "beyond memory": ({"settings": {"n_in": 2**31, "layers": [{**DENSE, "n_out": 2**20}]}}, []),
    "no layers": ({"settings": {"layers": []}}, ["layers must name at least one layer"]),
    "layers of another kind": ({"settings": {"layers": [{**DENSE, "kind": "conv"}]}}, ["kind of layer", "'conv'"]),
    "layers that are no layers": ({"settings": {"layers": [3]}}, []),
    "layers that are no list": ({"settings": {"layers": None}}, []),
    "an unknown activation": ({"settings": {"layers": [{**DENSE, "activation": "swish"}]}}, ["activation", "'swish'"]),
    "an unknown setting": ({"settings": {"layers": [{**DENSE, "rate": 0.5}]}}, ["rate"]),
    "config of text": ({"config": np.array("{not json")}, []),
    "config of a list": ({"config": np.array("[1, 2]")}, []),
    "config of numbers": ({"config": np.array(3.5)}, []),
    "config without layers": ({"config": np.array('{"format": "fastbp network", "version": 1, "n_in": 2}')}, ["layer"]),
    "metadata that is no dict": ({"settings": {"metadata": [1, 2]}}, ["metadata"]),
}


@pytest.mark.parametrize(("change", "words"), CHANGES.values(), ids=CHANGES)
def test_content_that_does_not_fit(saved, change, words):
    rewrite(saved[1], **change)
    refuse(saved[1], *words)


def test_archives_of_something_else(tmp_path):
    path = tmp_path / "model.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "hello")
    refuse(path)
    np.savez(path, x=np.ones(3))
    refuse(path, "['x']")


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_damaged_compression(saved, method):
    """Archives may be compressed; then a damaged one fails in other ways."""
    net, path = saved
    with zipfile.ZipFile(path) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in content.items():
            archive.writestr(name, data)
    check_same(fastbp.Network.load(path), net)
    whole, noticed = path.read_bytes(), 0
    for place in range(40, 400, 7):
        damaged = bytearray(whole)
        damaged[place] ^= 0xFF
        path.write_bytes(damaged)
        noticed += is_noticed(path, net)
    assert noticed > 20
