"""A network as a compiled program: predictions, losses and gradients.

The classes here trust the shapes that the Python layer has checked and made; they check again only what would otherwise
let the engine read or write memory that is not its own.
"""

from cpython.buffer cimport PyBuffer_Release
from cpython.exc cimport PyErr_CheckSignals
from libc.stdint cimport uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy

from fastbp._engine.buffers cimport View, lend, view
from fastbp._engine.dispatch cimport kernels
from fastbp._engine.kernels cimport (
    ELU, GELU, IDENTITY, LEAKY_RELU, RELU, SIGMOID, SILU, SOFTMAX, SOFTPLUS, TANH, Kernels, Panels, idx
)
from fastbp._engine.losses cimport read_loss
from fastbp._engine.passes cimport (
    Batches, finish_output, forward_pass, kind_of, loss_and_gradient, loss_of_rows
)
from fastbp._engine.program cimport DENSE, Op, OpKind, Slot, at
from fastbp._engine.workspace cimport Workspace, allocate


ACTIVATIONS = {
    "identity": IDENTITY,
    "relu": RELU,
    "leaky_relu": LEAKY_RELU,
    "elu": ELU,
    "gelu": GELU,
    "silu": SILU,
    "sigmoid": SIGMOID,
    "tanh": TANH,
    "softplus": SOFTPLUS,
    "softmax": SOFTMAX,
}
KINDS = {"dense": DENSE}

cdef enum:
    CALM = 20000000         # multiply-adds, some milliseconds of them, between two looks at signals


cdef class Program:
    """A network: operations over flat parameters.

    Parameters
    ----------
    layers : sequence of (kind, n_in, n_out, activation, has_bias)
        In order; names as in `KINDS` and `ACTIVATIONS`.
    params : ndarray of shape (n_params,), float32 or float64
        Every parameter: of each layer the weights (n_in, n_out), row-major, then the bias. Followed in memory by at
        least 64 bytes that may be read.
    bits : 32 or 64
    """

    def __cinit__(self, layers, params, int bits):
        cdef int i
        cdef idx widest = 0
        self.bits = bits
        self.dtype = params.dtype
        self.n_ops = len(layers)
        self.ops = <Op*> calloc(self.n_ops, sizeof(Op))
        if self.ops == NULL:
            raise MemoryError("no memory for the operations of a network")
        for i, (kind, n_in, n_out, activation, has_bias) in enumerate(layers):
            self.ops[i] = Op(KINDS[kind], ACTIVATIONS[activation], has_bias, n_in, n_out, self.n_params, i, i + 1)
            self.n_params += (n_in + has_bias) * n_out
            widest = max(widest, n_out)
            if i > 0 and n_in != self.ops[i - 1].n_out:
                raise ValueError(f"layer {i} takes {n_in} features, layer {i - 1} gives {self.ops[i - 1].n_out}")
        self.n_in = self.ops[0].n_in
        self.n_out = self.ops[self.n_ops - 1].n_out
        self.params = view(params, "params", self.n_params, self.format(), True)
        for i in range(2):
            self.rows[i] = calloc(widest + 64 // (bits // 8), bits // 8)    # whole vectors are written
            if self.rows[i] == NULL:
                raise MemoryError("no memory for the values of one sample")

    def __dealloc__(self):
        free(self.ops)
        free(self.rows[0])
        free(self.rows[1])

    cdef bytes format(self):
        return b"f" if self.bits == 32 else b"d"

    cdef Workspace borrow(self, idx n_samples, int n_threads, bint gradients):
        """The spare workspace if it will do; its user puts it back into `spare`. Two callers never share one."""
        cdef const Kernels* k = kernels(self.bits)
        cdef Workspace workspace = self.spare
        self.spare = None
        if workspace is None or not workspace.fits(k, n_samples, n_threads, gradients):
            workspace = allocate(k, self.ops, self.n_ops, n_samples, n_threads, gradients)
        workspace.barrier.n_threads = n_threads
        return workspace

    cdef Batches batches(self, Workspace workspace, View x) noexcept:
        cdef Batches b
        b.ops = self.ops
        b.n_ops = self.n_ops
        b.rows = NULL if x is None else x.data
        b.order = NULL
        b.capacity = workspace.capacity
        b.run = workspace.run
        b.run.params = self.params.data
        b.run.grads = NULL
        b.run.step = 0
        b.run.resume = False
        b.run.fused_output = False
        b.targets = workspace.targets
        return b

    def predict(self, x, out, idx n_rows):
        """out (n_rows, n_out) OUT <- x (n_rows, n_in); arrays of this network's dtype."""
        cdef View rows = view(x, "x", n_rows * self.n_in, self.format())
        cdef View result = view(out, "out", n_rows * self.n_out, self.format(), True)
        cdef Workspace workspace
        cdef Batches b
        cdef Slot* output
        cdef Panels panels
        if n_rows == 1:
            self.forward_row(kernels(self.bits), rows.data, result.data)
            return
        workspace = self.borrow(min(n_rows, <idx> PREDICT_ROWS), 1, False)
        b = self.batches(workspace, rows)
        output = &workspace.slots[self.n_ops]
        cdef idx begin = 0
        cdef idx n
        cdef uint64_t mode
        with nogil:
            mode = fpmode_enter()
            while begin < n_rows:
                n = min(n_rows - begin, b.capacity)
                forward_pass(&b, begin, n, 0, 1)
                panels = Panels(output.value, output.stride, n, 0, b.run.n_panels)
                b.run.kernels.unpack_rows(&panels, self.n_out, at(result.data, begin * self.n_out, b.run.kernels))
                begin += n
            fpmode_leave(mode)
        self.spare = workspace

    cdef void forward_row(self, const Kernels* k, const void* x, void* out) noexcept:
        cdef const void* source = x
        cdef void* target
        cdef const OpKind* kind
        cdef uint64_t mode = fpmode_enter()
        cdef int i
        for i in range(self.n_ops):
            target = self.rows[i % 2]
            kind = kind_of(&self.ops[i])
            kind.forward_row(&self.ops[i], k, self.params.data, source, target, target, True)
            source = target
        memcpy(out, source, self.n_out * (self.bits // 8))
        fpmode_leave(mode)

    def predict_one(self, x, out):
        """out (n_out,) OUT <- x (n_in,), the same bits as `predict`; False if they are not just such arrays."""
        cdef Py_buffer row
        cdef Py_buffer result
        cdef const Kernels* k = kernels(self.bits)
        if not lend(x, self.dtype, &row, self.n_in, False):
            return False
        if not lend(out, self.dtype, &result, self.n_out, True):
            PyBuffer_Release(&row)
            return False
        self.forward_row(k, row.buf, result.buf)
        PyBuffer_Release(&row)
        PyBuffer_Release(&result)
        return True

    def loss(self, Data data, out=None):
        """Return the loss of the data; the predictions OUT into out (n_rows, n_out), if given."""
        cdef View result = None if out is None else view(out, "out", data.n_rows * self.n_out, self.format(), True)
        cdef Workspace workspace = self.borrow(min(data.n_rows, <idx> PREDICT_ROWS), 1, False)
        cdef Batches b = self.batches(workspace, data.x)
        cdef Slot* output = &workspace.slots[self.n_ops]
        cdef Panels panels
        cdef double total = 0
        cdef idx begin = 0
        cdef idx end = 0
        cdef idx n
        cdef bint wants_outputs = out is not None
        cdef uint64_t mode
        data.fill(&b)
        b.capacity = min(b.capacity, <idx> PREDICT_ROWS)    # a borrowed workspace may be larger: the sum must not know
        while begin < data.n_rows:
            end = min(data.n_rows, begin + max(b.capacity, CALM // (self.n_params + 100)))
            with nogil:
                mode = fpmode_enter()
                while begin < end:
                    n = min(data.n_rows - begin, b.capacity)
                    total += loss_of_rows(&b, begin, n, False, 0, 1)
                    if wants_outputs:
                        finish_output(&b, 0, 1)
                        panels = Panels(output.value, output.stride, n, 0, b.run.n_panels)
                        b.run.kernels.unpack_rows(&panels, self.n_out,
                                                  at(result.data, begin * self.n_out, b.run.kernels))
                    begin += n
                fpmode_leave(mode)
            PyErr_CheckSignals()            # Ctrl-C
        self.spare = workspace
        return total / data.weight

    def loss_and_grad(self, Data data, grad):
        """Return the loss of the data; its gradient OUT into grad (n_params,)."""
        cdef View gradient = view(grad, "grad", self.n_params, self.format(), True)
        cdef Workspace workspace = self.borrow(min(data.n_rows, <idx> GRADIENT_ROWS), 1, True)
        cdef Batches b = self.batches(workspace, data.x)
        cdef double total
        cdef uint64_t mode
        data.fill(&b)
        b.run.grads = gradient.data
        with nogil:
            mode = fpmode_enter()
            total = loss_and_gradient(&b, 0, data.n_rows, 0, 1)
            fpmode_leave(mode)
        self.spare = workspace
        return total / data.weight


cdef class Data:
    """Inputs, targets and sample weights, held for the engine.

    Parameters
    ----------
    program : Program
    x : ndarray of shape (n_rows, n_in), the network's dtype
    y : ndarray of shape (n_rows,) of intp, labels; or of shape (n_rows, n_out) in the network's dtype
    weights : ndarray of shape (n_rows,), float64, or None
    loss : dict
        The configuration of a loss.
    """

    def __cinit__(self, Program program, x, y, weights, loss):
        cdef idx i
        cdef idx label
        self.n_rows = len(x)
        self.loss = read_loss(loss)
        self.fused = loss["fused"]
        self.x = view(x, "x", self.n_rows * program.n_in, program.format())
        self.has_labels = y.ndim == 1
        if self.has_labels:
            self.y = view(y, "y", self.n_rows, b"i")
            for i in range(self.n_rows):
                label = (<const idx*> self.y.data)[i]
                if label < 0 or label >= program.n_out:
                    raise ValueError(f"labels must be in 0 ... {program.n_out - 1}, got {label} in row {i}")
        else:
            self.y = view(y, "y", self.n_rows * program.n_out, program.format())
        self.weight = <double> self.n_rows
        if weights is not None:
            self.weights = view(weights, "weights", self.n_rows, b"d")
            self.weight = 0
            for i in range(self.n_rows):
                self.weight += (<const double*> self.weights.data)[i]

    cdef void fill(self, Batches* b) noexcept:
        b.run.fused_output = self.fused
        b.targets.loss = self.loss
        b.targets.labels = <const idx*> self.y.data if self.has_labels else NULL
        b.targets.rows = NULL if self.has_labels else self.y.data
        b.targets.weights = NULL if self.weights is None else <const double*> self.weights.data
        b.targets.weight = self.weight
