"""What a network computes on the way, gradients of a loss, and derivatives of the outputs, sample by sample.

In all but `loss_and_grad`, which is one call of the engine, layers behave as in predictions, so no sample knows of
another; rows go through in pieces, and signals are looked at between two passes. Gradients by the inputs are sent back
with none of the parameters' taken. Those of outputs are taken afterwards, where they are asked for: then every slot
holds what an operation's `weights_row` works on.
"""

from cpython.exc cimport PyErr_CheckSignals
from libc.stdint cimport uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset

from fastbp._engine.buffers cimport View, view
from fastbp._engine.data cimport Data
from fastbp._engine.dispatch cimport kernels
from fastbp._engine.engine cimport GRADIENT_ROWS, Program, fpmode_enter, fpmode_leave
from fastbp._engine.kernels cimport Kernels, Panels, idx
from fastbp._engine.passes cimport Batches, backward_pass, forward_pass, loss_and_gradient, loss_of_rows
from fastbp._engine.program cimport Op, Pass, Slot, at
from fastbp._engine.rng cimport batch_seed
from fastbp._engine.threads cimport Threads
from fastbp._engine.workspace cimport Workspace, allocate

cdef enum:
    SPARE = 64              # reals behind a row that kernels may read or write, whole vectors at a time


cdef void unpack(const Pass* run, void* panels, const Slot* slot, void* rows) noexcept nogil:
    """rows OUT (n_samples, n_features)"""
    cdef Panels source = Panels(panels, slot.stride, run.n_samples, 0, run.n_panels)
    run.kernels.unpack_rows(&source, slot.n_features, rows)


cdef void set_real(const Kernels* k, void* data, idx i, double value) noexcept nogil:
    if k.bits == 32:
        (<float*> data)[i] = <float> value
    else:
        (<double*> data)[i] = value


def activations(Program program, x, idx n_rows, slots, outs):
    """outs[i] (n_rows, ..) OUT: the values of slots[i], for x (n_rows, n_in)."""
    cdef const Kernels* k = kernels(program.bits)
    cdef idx piece = min(n_rows, program.rows_of_a_piece())
    cdef Workspace workspace = allocate(k, program.ops, program.n_ops, piece, 1, False)
    cdef Batches b = program.batches(workspace, view(x, "x", n_rows * program.n_in, program.format()))
    cdef View rows = view(x, "x", n_rows * program.n_in, program.format())
    cdef const Slot* slot
    cdef idx begin = 0
    cdef uint64_t mode
    cdef View out
    cdef list views = []
    for i, array in zip(slots, outs, strict=True):
        slot = &b.run.slots[<int> i]
        views.append(view(array, "out", n_rows * slot.n_features, program.format(), True))
    b.rows = rows.data
    while begin < n_rows:
        PyErr_CheckSignals()
        with nogil:
            mode = fpmode_enter()
            forward_pass(&b, begin, min(n_rows - begin, piece), 0, 1)
            fpmode_leave(mode)
        for i, out in zip(slots, views, strict=True):
            slot = &b.run.slots[<int> i]
            unpack(&b.run, slot.value, slot, at(out.data, begin * slot.n_features, k))
        begin += piece


def loss_and_grad(Program program, Data data, grad, bint training=False, uint64_t seed=0, uint64_t batch=0,
                  idx most_rows=GRADIENT_ROWS, int n_threads=1):
    """Return the loss of the data; its gradient by the parameters OUT into grad (n_params,).

    With `training` layers behave as in a training with this seed, in the batch of this number. Neither `most_rows`,
    which go through at once, nor the number of threads changes a bit of either.
    """
    cdef View gradient = view(grad, "grad", program.n_params, program.format(), True)
    cdef bint called = data.loss.call is not None
    if training:
        program.check_batches(data.n_rows, data.n_rows)
    cdef idx n = data.n_rows
    if not (called or training and program.whole_batch):
        n = min(n, max(most_rows, 1))
    cdef Evaluation run = Evaluation()
    run.n_rows = data.n_rows
    run.n_threads = 1 if called else n_threads
    cdef Workspace workspace = program.borrow(n, run.n_threads, True)
    cdef View _held
    run.batches = program.batches(workspace, data.x)
    run.batches.capacity = n
    data.fill(program, &run.batches)
    run.batches.run.grads = gradient.data
    run.batches.run.training = training
    run.batches.run.seed = batch_seed(seed, batch)
    if called:
        _held = data.forward(program, &run.batches, 0, data.n_rows, slice(data.n_rows))
    run.run(run.n_threads)
    program.put_back(workspace)
    return run.total / data.weight


cdef class Evaluation(Threads):
    """One call of `loss_and_grad`, which sets it up."""

    cdef Batches batches
    cdef idx n_rows
    cdef int n_threads
    cdef double total           # OUT: sum(w_i l_i)

    cdef void work(self, int thread) noexcept:
        cdef Batches b = self.batches
        cdef double total
        cdef uint64_t mode
        with nogil:
            mode = fpmode_enter()
            total = loss_and_gradient(&b, 0, self.n_rows, thread, self.n_threads)
            fpmode_leave(mode)
        if thread == 0:
            self.total = total


def loss_gradient(Program program, Data data, dx):
    """dx OUT (n_rows, n_in): the gradient of the loss of the data by its inputs."""
    cdef const Kernels* k = kernels(program.bits)
    cdef View out = view(dx, "dx", data.n_rows * program.n_in, program.format(), True)
    cdef idx piece = data.n_rows if data.loss.call is not None else min(data.n_rows, program.rows_of_a_piece())
    cdef Workspace workspace = allocate(k, program.ops, program.n_ops, piece, 1, True, True)
    cdef Batches b = program.batches(workspace, data.x)
    cdef idx begin = 0
    cdef uint64_t mode
    cdef View _held
    data.fill(program, &b)
    b.run.skips_params = True
    if data.loss.call is not None:
        _held = data.forward(program, &b, 0, data.n_rows, slice(data.n_rows))
    while begin < data.n_rows:
        PyErr_CheckSignals()
        with nogil:
            mode = fpmode_enter()
            loss_of_rows(&b, begin, min(data.n_rows - begin, piece), True, 0, 1)
            backward_pass(&b, 0, 1)
            unpack(&b.run, b.run.slots[0].grad, &b.run.slots[0], at(out.data, begin * program.n_in, k))
            fpmode_leave(mode)
        begin += piece


def pull_back(Program program, x, idx n_rows, weights, dx):
    """dx OUT (n_rows, n_in): the gradient by x of the sum over outputs j of weights[:, j] a_j, sample by sample."""
    cdef const Kernels* k = kernels(program.bits)
    cdef View rows = view(x, "x", n_rows * program.n_in, program.format())
    cdef View left = view(weights, "weights", n_rows * program.n_out, program.format())
    cdef View out = view(dx, "dx", n_rows * program.n_in, program.format(), True)
    cdef idx piece = min(n_rows, program.rows_of_a_piece())
    cdef Workspace workspace = allocate(k, program.ops, program.n_ops, piece, 1, True, True)
    cdef Batches b = program.batches(workspace, rows)
    cdef const Slot* output = &b.run.slots[b.run.output]
    cdef Panels panels
    cdef idx begin = 0
    cdef uint64_t mode
    b.run.skips_params = True
    while begin < n_rows:
        PyErr_CheckSignals()
        with nogil:
            mode = fpmode_enter()
            forward_pass(&b, begin, min(n_rows - begin, piece), 0, 1)
            panels = Panels(output.grad, output.stride, b.run.n_samples, 0, b.run.n_panels)
            k.pack_rows(at(left.data, begin * program.n_out, k), NULL, program.n_out, &panels)
            backward_pass(&b, 0, 1)
            unpack(&b.run, b.run.slots[0].grad, &b.run.slots[0], at(out.data, begin * program.n_in, k))
            fpmode_leave(mode)
        begin += piece


cdef class Jacobian:
    """Derivatives of every output, by the inputs or by the parameters.

    Parameters
    ----------
    program : Program
    n_rows : int
        Most rows of a call of `take`.
    by_params : bool
    """

    cdef Program program
    cdef Workspace workspace
    cdef const Kernels* kernels
    cdef bint by_params
    cdef idx n_columns
    cdef idx most_rows
    cdef idx piece              # samples that go through at once
    cdef idx copies             # of each, for as many outputs: where samples are few, panels have room
    cdef idx* order             # IN: the row of each copy
    cdef char* memory           # rows of one operation: x, z and d, or the inputs' gradient

    def __cinit__(self, Program program, idx n_rows, bint by_params):
        cdef const Kernels* k = kernels(program.bits)
        cdef idx widest = 0
        cdef const Op* op
        cdef idx i
        self.program = program
        self.kernels = k
        self.by_params = by_params
        self.n_columns = program.n_params if by_params else program.n_in
        self.most_rows = n_rows
        self.piece = max(1, min(n_rows, program.rows_of_a_piece()))
        self.copies = max(1, min(program.n_out, k.panel // self.piece))
        self.workspace = allocate(k, program.ops, program.n_ops, self.piece * self.copies, 1, True, not by_params)
        for i in range(program.n_ops):
            op = &program.ops[i]
            widest = max(widest, op.n_in + (2 * op.n_out if by_params else 0))
        self.memory = <char*> malloc((self.piece * self.copies * widest + 3 * SPARE) * (k.bits // 8))
        self.order = <idx*> malloc(self.piece * self.copies * sizeof(idx))
        if self.memory == NULL or self.order == NULL:
            raise MemoryError("no memory for the rows of a Jacobian")
        for i in range(self.piece * self.copies):
            self.order[i] = i // self.copies

    def __dealloc__(self):
        free(self.memory)
        free(self.order)

    def take(self, x, idx n_rows, jacobian, outputs=None, scale=None):
        """The Jacobian of some rows.

        Parameters
        ----------
        x : ndarray of shape (n_rows, n_in)
        n_rows : int
        jacobian : ndarray of shape (n_rows, n_out, n_in) or (n_rows, n_out, n_params)
            OUT
        outputs : ndarray of shape (n_rows, n_out), optional
            OUT: the predictions.
        scale : ndarray of shape (n_rows,), float64, optional
            What the derivatives of each sample are multiplied by.
        """
        cdef Program program = self.program
        cdef View rows = view(x, "x", n_rows * program.n_in, program.format())
        cdef View out = view(jacobian, "jacobian", n_rows * program.n_out * self.n_columns, program.format(), True)
        cdef View values = None
        cdef View factors = None if scale is None else view(scale, "scale", n_rows, b"d")
        cdef Batches b = program.batches(self.workspace, rows)
        cdef const Kernels* k = self.kernels
        cdef const double* factor = NULL
        cdef idx begin = 0
        cdef idx n, first
        cdef uint64_t mode
        if outputs is not None:
            values = view(outputs, "outputs", n_rows * program.n_out, program.format(), True)
        b.order = self.order
        b.run.skips_params = True
        while begin < n_rows:
            n = min(n_rows - begin, self.piece)
            b.rows = at(rows.data, begin * program.n_in, k)
            if factors is not None:
                factor = <const double*> factors.data + begin
            with nogil:
                mode = fpmode_enter()
                forward_pass(&b, 0, n * self.copies, 0, 1)
                if values is not None:
                    self.copy_outputs(&b, n, at(values.data, begin * program.n_out, k))
                fpmode_leave(mode)
            first = 0
            while first < program.n_out:
                PyErr_CheckSignals()
                with nogil:
                    mode = fpmode_enter()
                    self.send_back(&b, n, first, factor, at(out.data, begin * program.n_out * self.n_columns, k))
                    fpmode_leave(mode)
                first += self.copies
            begin += n

    cdef void copy_outputs(self, const Batches* b, idx n, void* out) noexcept nogil:
        """out OUT (n, n_out)"""
        cdef const Slot* output = &b.run.slots[b.run.output]
        cdef idx size = output.n_features * (self.kernels.bits // 8)
        cdef idx s
        unpack(&b.run, output.value, output, self.memory)
        for s in range(n):
            memcpy(<char*> out + s * size, self.memory + s * self.copies * size, size)

    cdef void send_back(self, Batches* b, idx n, idx first, const double* factor, void* out) noexcept nogil:
        """Derivatives of the outputs first, first + 1, ... of n samples: a copy has an output of its own."""
        cdef const Kernels* k = self.kernels
        cdef const Slot* output = &b.run.slots[b.run.output]
        cdef const Slot* source = &b.run.slots[0]
        cdef idx n_out = output.n_features
        cdef idx size = self.n_columns * (k.bits // 8)
        cdef idx i, j
        memset(output.grad, 0, b.run.n_panels * output.stride * (k.bits // 8))
        for i in range(n * self.copies):
            j = first + i % self.copies
            if j < n_out:
                set_real(k, output.grad, i // k.panel * output.stride + j * k.panel + i % k.panel,
                         1 if factor == NULL else factor[i // self.copies])
        backward_pass(b, 0, 1)
        if self.by_params:
            self.take_params(b, n, first, out)
            return
        unpack(&b.run, source.grad, source, self.memory)
        for i in range(n * self.copies):
            j = first + i % self.copies
            if j < n_out:
                memcpy(<char*> out + (i // self.copies * n_out + j) * size, self.memory + i * size, size)

    cdef void take_params(self, Batches* b, idx n, idx first, void* out) noexcept nogil:
        """From the gradients of all slots to those of the parameters, sample by sample."""
        cdef const Kernels* k = self.kernels
        cdef Pass* run = &b.run
        cdef idx n_rows = n * self.copies
        cdef idx n_out = run.slots[run.output].n_features
        cdef const Op* op
        cdef Slot* source
        cdef Slot* target
        cdef void* x
        cdef void* z
        cdef void* d
        cdef idx i, s, j
        for i in range(b.n_ops):
            op = &b.ops[i]
            if op.n_params == 0:
                continue
            x = self.memory
            z = at(x, n_rows * op.n_in + SPARE, k)
            d = at(z, n_rows * op.n_out + SPARE, k)
            unpack(run, run.slots[op.source].value, &run.slots[op.source], x)
            unpack(run, run.slots[op.target].z, &run.slots[op.target], z)
            unpack(run, run.slots[op.target].grad, &run.slots[op.target], d)
            source = &run.rows[op.source]
            target = &run.rows[op.target]
            for s in range(n_rows):
                j = first + s % self.copies
                if j >= n_out:
                    continue
                source.value = at(x, s * op.n_in, k)
                target.z = at(z, s * op.n_out, k)
                target.grad = at(d, s * op.n_out, k)
                run.grads = at(out, (s // self.copies * n_out + j) * self.n_columns, k)
                op.kind.weights_row(op, run)
