"""ONNX Runtime, for inference: the network as a chain of Gemm, Relu and Softmax. One thread."""

import onnxruntime
from onnx import helper, numpy_helper

from benchmarks.peers import Predictor

PACKAGES = ("onnx", "onnxruntime")
_OPSET, _IR_VERSION = 17, 8  # of 2022: every runtime since can read it


def make_model(start, output):
    """Return the network with the layers `start` = [(w, b), ...] as an ONNX model from "x" to "p"."""
    nodes, initializers = [], []
    x = "x"
    for number, (w, b) in enumerate(start):
        initializers += [numpy_helper.from_array(w, f"w{number}"), numpy_helper.from_array(b, f"b{number}")]
        is_last = number == len(start) - 1
        z = "p" if is_last and output == "identity" else f"z{number}"
        nodes.append(helper.make_node("Gemm", [x, f"w{number}", f"b{number}"], [z]))
        x = z
        if not is_last:
            x = f"a{number}"
            nodes.append(helper.make_node("Relu", [z], [x]))
        elif output == "softmax":
            nodes.append(helper.make_node("Softmax", [z], ["p"], axis=1))
    element = helper.np_dtype_to_tensor_dtype(start[0][0].dtype)
    graph = helper.make_graph(
        nodes,
        "mlp",
        [helper.make_tensor_value_info("x", element, ["n", start[0][0].shape[0]])],
        [helper.make_tensor_value_info("p", element, ["n", start[-1][0].shape[1]])],
        initializers,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR_VERSION)


def inference(work, start, X):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    model = make_model(start, work.output).SerializeToString()
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    yield Predictor("ONNX Runtime", lambda: session.run(None, {"x": X})[0])
