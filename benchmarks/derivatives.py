"""How long do input gradients, Jacobians and Hessian-vector products take, beside torch.func?

    python -m benchmarks.derivatives

The same network (tanh, identity output, squared error), first weights and data for both. PyTorch: `vmap(grad)`,
`vmap(jacrev)` by inputs and by parameters, and `jvp(grad)`, exact and in the network's dtype. fastbp: `input_gradient`,
`jacobian`, and `hessian_vector_product`, which takes differences of gradients, in float64 whatever the network's dtype.
"""

from benchmarks import common  # first: it limits the threads of BLAS

# ruff: isort: split
import itertools

import numpy as np

import fastbp
from benchmarks.report import begin

# (widths, samples): the Jacobian by parameters of the last would have 33 million numbers
CASES = [((4, 32, 3), 1), ((4, 32, 3), 32), ((24, 64, 64, 10), 1), ((24, 64, 64, 10), 32), ((784, 128, 10), 32)]
MOST_NUMBERS = 5e6  # of a Jacobian
METHOD = (
    "Median of {rounds} interleaved rounds, one core, one thread, float32. Results are compared before they are timed: "
    "they agree to 1e-3 of the largest element."
)


def fastbp_calls(net, X, y, vector):
    loss = fastbp.SquaredError()
    return {
        "input gradient": lambda: net.input_gradient(X, output=0),
        "Jacobian by inputs": lambda: net.jacobian(X),
        "Jacobian by parameters": lambda: net.jacobian(X, wrt="params"),
        "Hessian-vector product": lambda: net.hessian_vector_product(X, y, loss, vector),
    }


def torch_calls(net, X, y, vector):
    import torch
    from torch.func import grad, jacrev, jvp, vmap

    torch.set_num_threads(1)
    X, y, vector, flat = (torch.from_numpy(np.array(a)) for a in (X, y, vector, net.params))
    widths = net.widths

    def forward(params, x):
        begin = 0
        for i, (n_in, n_out) in enumerate(itertools.pairwise(widths)):
            end = begin + n_in * n_out
            x = (torch.tanh(x) if i else x) @ params[begin:end].reshape(n_in, n_out) + params[end : end + n_out]
            begin = end + n_out
        return x

    def loss(params):
        return ((forward(params, X) - y) ** 2).mean()

    first = vmap(grad(lambda x: forward(flat, x)[0]))
    by_inputs = vmap(jacrev(lambda x: forward(flat, x)))
    by_params = vmap(jacrev(forward), in_dims=(None, 0))
    return {
        "input gradient": lambda: first(X).numpy(),
        "Jacobian by inputs": lambda: by_inputs(X).numpy(),
        "Jacobian by parameters": lambda: by_params(flat, X).numpy(),
        "Hessian-vector product": lambda: jvp(grad(loss), (flat,), (vector,))[1].numpy(),
    }


def check(calls):
    """AssertionError unless all return the same."""
    results = {name: call() for name, call in calls.items()}
    expected = results["fastbp"]
    for name, got in results.items():
        if not np.abs(got - expected).max() < 1e-3 * np.abs(expected).max():
            raise AssertionError(f"{name} has other derivatives than fastbp")


def measure(widths, n_samples, libraries, options, report):
    """Return rows for the report."""
    net = fastbp.Network.mlp(widths, "tanh", seed=0)
    rng = np.random.default_rng(0)
    shapes = ((n_samples, widths[0]), (n_samples, widths[-1]), (net.n_params,))
    data = [rng.normal(size=shape).astype(np.float32) for shape in shapes]
    calls_of = {name: make(net, *data) for name, make in libraries}
    rows = []
    for what in calls_of["fastbp"]:
        if what.endswith("parameters") and n_samples * net.n_out * net.n_params > MOST_NUMBERS:
            continue
        calls = {name: calls[what] for name, calls in calls_of.items()}
        check(calls)
        seconds = common.interleave(calls, options.rounds, options.seconds)
        rows.append(report.add(network=widths, n_samples=n_samples, what=what, seconds=seconds))
    return rows


def main(arguments=None):
    options = common.parse(common.parser(__doc__), arguments)
    method = METHOD.format(rounds=options.rounds)
    report, modules = begin("derivatives", __doc__, method, options, only=["fastbp", "PyTorch"])
    libraries = [("fastbp", fastbp_calls)] + [("PyTorch", torch_calls)] * ("PyTorch" in modules)
    lines = []
    for widths, n_samples in CASES[:2] if options.quick else CASES:
        for row in measure(widths, n_samples, libraries, options, report):
            times = [common.three_digits(1e6 * seconds) for seconds in row["seconds"].values()]
            ratio = (
                [f"{row['seconds']['PyTorch'] / row['seconds']['fastbp']:.1f}x"] if "PyTorch" in row["seconds"] else []
            )
            lines.append(["-".join(map(str, widths)), f"{n_samples}", row["what"], *times, *ratio])
    names = [f"{name}, us" for name, _ in libraries]
    report.table("Derivatives", ["network", "samples", "what", *names, *["fastbp = 1"] * (len(names) > 1)], lines)
    report.write(options.output)


if __name__ == "__main__":
    main()
