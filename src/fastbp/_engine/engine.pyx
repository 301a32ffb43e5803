"""A network as a compiled program: its operations and parameters, and single predictions.

The classes here trust the shapes that the Python layer has checked and made; they check again only what would otherwise
let the engine read or write memory that is not its own.
"""

import os

import numpy as np

cimport cython
from cpython.buffer cimport PyBuffer_Release
from libc.stdint cimport uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy

from fastbp._engine.buffers cimport View, lend, view
from fastbp._engine.claim cimport claim_give_back, claim_take
from fastbp._engine.dispatch cimport kernels
from fastbp._engine.kernels cimport (
    ELU, GELU, IDENTITY, LEAKY_RELU, RELU, SIGMOID, SILU, SOFTMAX, SOFTPLUS, TANH, Kernels, idx
)
from fastbp._engine.kinds cimport kind_of
from fastbp._engine.passes cimport Batches
from fastbp._engine.program cimport Op, at
from fastbp._engine.workspace cimport Row, Workspace, allocate, allocate_row


cdef object EMPTY = np.empty

cdef int _process = 1           # how claims are marked: otherwise in a child that was forked


cdef int process_mark() noexcept nogil:
    return _process


def _note_fork():
    global _process
    _process += 1


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_note_fork)

cdef enum:
    MOST_ROWS = 256             # of a piece
    FEWEST_ROWS = 64            # and of one of a large network: a panel of any target
    LARGE = 1000000000          # multiply-adds of a piece, some 20 ms of them

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


cdef class Program:
    """A network: operations over flat parameters.

    Parameters
    ----------
    operations : sequence of dict
        In the order of the forward pass. Each has "kind", a key of `kinds.KINDS`, "layer", "source", "n_in", "n_out",
        and whatever else of the fields of `program.Op` is not 0; operation i writes slot i + 1.
    params, buffers : ndarray of shape (n_params,), (n_buffers,), float32 or float64
        Every parameter, and what layers keep besides, in the order of the operations. Each is followed in memory by at
        least 64 bytes that may be read.
    bits : 32 or 64
    """

    def __cinit__(self, operations, params, buffers, int bits):
        cdef Op* op
        cdef int i
        self.bits = bits
        self.dtype = params.dtype
        self.n_ops = len(operations)
        self.ops = <Op*> calloc(self.n_ops, sizeof(Op))
        self.parts = <Part*> calloc(self.n_ops, sizeof(Part))
        if self.ops == NULL or self.parts == NULL:
            raise MemoryError("no memory for the operations of a network")
        for i, fields in enumerate(operations):
            op = &self.ops[i]
            op.kind = kind_of(fields["kind"])
            op.layer = fields["layer"]
            op.source = fields["source"]
            op.second = fields.get("second", 0)
            op.target = i + 1
            op.n_in = fields["n_in"]
            op.n_out = fields["n_out"]
            op.params = self.n_params
            op.n_params = fields.get("n_params", 0)
            op.buffers = self.n_buffers
            op.n_buffers = fields.get("n_buffers", 0)
            op.activation = ACTIVATIONS[fields.get("activation", "identity")]
            op.has_bias = fields.get("has_bias", False)
            for n, number in enumerate(fields.get("options", ())):
                op.options[n] = number
            op.table = as_table(fields.get("table", ()))
            op.l1 = fields.get("l1", 0)
            op.l2 = fields.get("l2", 0)
            op.max_norm = fields.get("max_norm", 0)
            self.has_penalties = self.has_penalties or op.l1 != 0 or op.l2 != 0
            self.has_limits = self.has_limits or op.max_norm != 0
            self.keeps = self.keeps or op.kind.keep != NULL
            self.n_params += op.n_params
            self.n_buffers += op.n_buffers
            for source in (op.source, op.second):
                if not 0 <= source <= i:
                    raise ValueError(f"operation {i} reads slot {source}, which nothing has written")
            width = self.ops[op.source - 1].n_out if op.source else self.ops[0].n_in
            if op.n_in != width:
                raise ValueError(f"operation {i} takes {op.n_in} features, slot {op.source} has {width}")
        self.join_rectifiers()
        self.n_in = self.ops[0].n_in
        self.n_out = self.ops[self.n_ops - 1].n_out
        self.scales_targets = self.ops[self.n_ops - 1].kind.scales_targets
        self.params = view(params, "params", self.n_params, self.format(), True)
        self.buffers = view(buffers, "buffers", self.n_buffers, self.format(), True)
        self.set_trainable([fields["trainable"] for fields in operations])

    def __dealloc__(self):
        cdef int i
        if self.ops != NULL:
            for i in range(self.n_ops):
                free(<void*> self.ops[i].table)
        free(self.ops)
        free(self.parts)

    cdef void join_rectifiers(self) noexcept:
        """Let the backward pass of an operation go on through the relu whose outputs only it reads."""
        cdef Op* op
        cdef Op* before
        cdef int n_readers
        cdef int i, j
        for i in range(self.n_ops):
            op = &self.ops[i]
            if op.source == 0 or not op.kind.can_gate:
                continue
            n_readers = 0
            for j in range(self.n_ops):
                n_readers += (self.ops[j].source == op.source) + (self.ops[j].second == op.source)
            before = &self.ops[op.source - 1]
            op.gates = before.kind.can_gate and before.activation == RELU and n_readers == 1
            before.gated = op.gates

    def set_trainable(self, trainable):
        """Say of each operation whether training may change what it has."""
        with cython.critical_section(self):     # two threads may notice the same change
            if not self.take():
                raise RuntimeError("this network is being trained: freeze layers between two calls of fit")
            try:
                self.arrangement += 1
                self.divide_params([bool(flag) for flag in trainable])
            finally:
                self.give_back()

    cdef divide_params(self, list trainable):
        """The parts of the parameters that are trainable."""
        cdef Op* op
        cdef Part* part = NULL
        cdef int i
        self.n_parts = 0
        self.first_trainable = self.n_ops
        self.whole_batch = False
        self.fuses = True
        for i in range(self.n_ops):
            op = &self.ops[i]
            op.trainable = trainable[i]
            op.fuses = op.kind.fuses and op.l1 == 0 and op.l2 == 0 and op.max_norm == 0
            if not op.trainable:
                continue
            self.whole_batch = self.whole_batch or op.kind.whole_batch
            if op.n_params == 0:
                continue
            self.first_trainable = min(self.first_trainable, i)
            self.fuses = self.fuses and op.fuses
            if part != NULL and part.end == op.params and part.fuses == op.fuses:
                part.end += op.n_params
            else:
                part = &self.parts[self.n_parts]
                part[0] = Part(op.params, op.params + op.n_params, op.fuses)
                self.n_parts += 1

    cdef bint take(self) noexcept nogil:
        """Whether the caller may train this network, until he gives it back; nobody else may meanwhile."""
        return claim_take(&self.training, process_mark())

    cdef void give_back(self) noexcept nogil:
        claim_give_back(&self.training)

    cdef bytes format(self):
        return b"f" if self.bits == 32 else b"d"

    cdef check_batches(self, idx n_rows, idx batch_size):
        """ValueError if training could not take so many rows in such batches."""
        if self.whole_batch and (n_rows - 1) % batch_size == 0:
            got = f"{n_rows} in batches of {batch_size} leave 1 for the last" if n_rows > 1 else "got 1"
            raise ValueError(
                f"BatchNorm needs at least 2 samples a batch in training, {got}: take another batch_size, leave a "
                "sample out, or freeze the layer (layer.trainable = False)"
            )

    cdef idx rows_at_once(self, idx n_rows, bint training) noexcept:
        """How many of the rows of a batch go through at once when a gradient is wanted."""
        return n_rows if training and self.whole_batch else min(n_rows, <idx> GRADIENT_ROWS)

    cdef idx rows_of_a_piece(self) noexcept:
        """How many rows go through at once between two looks at signals, where they need not go together."""
        cdef idx n = MOST_ROWS
        while n > FEWEST_ROWS and n * self.n_params > LARGE:
            n //= 2
        return n

    cdef Workspace borrow(self, idx n_samples, int n_threads, bint gradients):
        """The spare workspace if it will do; its user puts it back. Two callers never share one."""
        cdef const Kernels* k = kernels(self.bits)
        cdef Workspace workspace
        with cython.critical_section(self):
            workspace = self.spare
            self.spare = None
        if workspace is None or not workspace.fits(k, n_samples, n_threads, gradients):
            workspace = allocate(k, self.ops, self.n_ops, n_samples, n_threads, gradients)
        workspace.barrier.n_threads = n_threads
        return workspace

    cdef int put_back(self, Workspace workspace) except -1:
        with cython.critical_section(self):
            self.spare = workspace
        return 0

    cdef Batches batches(self, Workspace workspace, View x) noexcept:
        cdef Batches b
        b.ops = self.ops
        b.n_ops = self.n_ops
        b.rows = NULL if x is None else x.data
        b.order = NULL
        b.first_op = 0
        b.has_penalties = self.has_penalties
        b.has_limits = self.has_limits
        b.keeps = self.keeps
        b.postpones = False
        b.postponed = NULL
        b.looks = False
        b.finite = True
        b.capacity = workspace.capacity
        b.run = workspace.run
        b.run.params = self.params.data
        b.run.buffers = self.buffers.data
        b.run.grads = NULL
        b.run.step = 0
        b.run.resume = False
        b.run.training = False
        b.run.skips_frozen = False
        b.run.skips_params = False
        b.run.seed = 0
        b.run.first_sample = 0
        b.run.fused_output = False
        b.targets = workspace.targets
        if self.scales_targets:
            b.targets.mean = at(self.buffers.data, self.ops[self.n_ops - 1].buffers, workspace.kernels)
            b.targets.std = at(b.targets.mean, self.n_out, workspace.kernels)
        return b

    cdef int predict_row(self, const void* x, void* out) except -1:
        """out (n_out,) OUT <- x (n_in,)"""
        cdef const Kernels* k = kernels(self.bits)
        cdef Row row
        with cython.critical_section(self):
            row = self.spare_row
            self.spare_row = None
        if row is None:
            row = allocate_row(self.ops, self.n_ops, self.bits)
            row.run.params = self.params.data
            row.run.buffers = self.buffers.data
        row.run.kernels = k
        if self.n_params < HOLD_GIL_BELOW:
            self.forward_row(&row.run, x, out)
        else:
            with nogil:
                self.forward_row(&row.run, x, out)
        with cython.critical_section(self):
            self.spare_row = row
        return 0

    cdef void forward_row(self, Pass* row, const void* x, void* out) noexcept nogil:
        cdef uint64_t mode = fpmode_enter()
        cdef const Op* op
        cdef int i
        row.rows[0].value = <void*> x
        for i in range(self.n_ops):
            op = &self.ops[i]
            op.kind.forward_row(op, row)
        memcpy(out, row.rows[self.n_ops].value, self.n_out * (self.bits // 8))
        fpmode_leave(mode)

    def predict_one(self, x, out=None):
        """Return out (n_out,), or an array made for it, <- x (n_in,), the same bits as `predict`; None if they are not
        just such arrays."""
        cdef Py_buffer row
        cdef Py_buffer result
        if out is None:
            out = EMPTY(self.n_out, self.dtype)     # here, not in Python: 9 % of a call with 4-16-1
        if not lend(x, self.dtype, &row, self.n_in, False):
            return None
        if not lend(out, self.dtype, &result, self.n_out, True):
            PyBuffer_Release(&row)
            return None
        try:
            self.predict_row(row.buf, result.buf)
        finally:
            PyBuffer_Release(&row)
            PyBuffer_Release(&result)
        return out


cdef class Exclusive:
    """Keeps others from training a network: ``with Exclusive(program):`` raises RuntimeError if somebody is at it.

    The network is free afterwards whatever happens, and whenever: no signal's handler runs between taking it and
    entering the block.
    """

    def __cinit__(self, Program program):
        self.program = program

    def __enter__(self):
        if not self.program.take():
            raise RuntimeError("this network is being trained already: train one at a time, or copies of it")

    def __exit__(self, *error):
        self.program.give_back()


cdef const idx* as_table(integers) except? NULL:
    """Integers in memory of their own; NULL if there are none."""
    cdef idx* table
    cdef idx i
    if not integers:
        return NULL
    table = <idx*> calloc(len(integers), sizeof(idx))
    if table == NULL:
        raise MemoryError("no memory for the operations of a network")
    for i in range(len(integers)):
        table[i] = integers[i]
    return table
