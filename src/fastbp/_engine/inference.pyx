"""Predictions and losses of many rows: in pieces that go through the network at once, shared out among threads.

No row knows of another, so the threads wait for nobody: each has memory of its own and some of the pieces. Losses are
summed within a piece, and the pieces in their order, so that the sum is the same for any number of threads.
"""

import numpy as np

from cpython.exc cimport PyErr_CheckSignals
from libc.stdint cimport uint64_t
from libc.stdlib cimport calloc, free

from fastbp._engine.buffers cimport View, view
from fastbp._engine.data cimport Data
from fastbp._engine.dispatch cimport kernels
from fastbp._engine.engine cimport Program, fpmode_enter, fpmode_leave
from fastbp._engine.kernels cimport Kernels, Panels, idx
from fastbp._engine.losses cimport Targets
from fastbp._engine.passes cimport Batches, finish_output, forward_pass, loss_of_rows, penalty
from fastbp._engine.program cimport Slot, at, divide
from fastbp._engine.rng cimport batch_seed
from fastbp._engine.threads cimport Threads
from fastbp._engine.workspace cimport Workspace, allocate


cdef extern from "watch.h" nogil:
    ctypedef int Flag
    void flag_raise(Flag* flag)
    bint flag_is_raised(const Flag* flag)
    double seconds()


cdef double PATIENCE = 0.03     # seconds from one look at signals to the next: Ctrl-C is to be honoured within 0.1 s


cdef class Inference(Threads):
    """One call: rows through a network, to its outputs, to the loss, or to both.

    Parameters
    ----------
    program : Program
    x : View
        IN (n_rows, n_in)
    n_rows : int
    data : Data or None
        What the loss is taken of; its inputs are x. A loss that is called is left to the caller.
    outputs : View or None
        OUT (n_rows, n_out)
    n_threads : int
    training : bool
        Whether layers behave as in `Program.loss_and_grad`; they keep nothing.
    seed : int
    """

    cdef Program program
    cdef Data data
    cdef View x
    cdef View outputs
    cdef list workspaces        # one a thread
    cdef double* losses         # OUT (n_pieces,): sum(w_i l_i) over the samples of each piece
    cdef idx n_rows
    cdef idx piece
    cdef idx unit               # rows that must not be divided between threads
    cdef int n_threads
    cdef bint training
    cdef uint64_t seed
    cdef Flag unbounded         # OUT: a row that is not finite has been met
    cdef Flag stopped
    cdef object error           # what a signal's handler has raised

    def __cinit__(self, Program program, View x, idx n_rows, Data data, View outputs, int n_threads,
                  bint training, uint64_t seed):
        cdef const Kernels* k = kernels(program.bits)
        cdef idx n_units, share
        self.program = program
        self.data = data
        self.x = x
        self.outputs = outputs
        self.n_rows = n_rows
        self.training = training
        self.seed = seed
        self.piece = program.rows_at_once(n_rows, True) if training else program.rows_of_a_piece()
        self.unit = k.panel if data is None else self.piece
        n_units = (n_rows + self.unit - 1) // self.unit
        self.n_threads = <int> min(<idx> n_threads, n_units)
        share = (n_units + self.n_threads - 1) // self.n_threads * self.unit
        share = min(n_rows, min(share, self.piece))
        self.workspaces = [program.borrow(share, 1, False)]
        for _ in range(1, self.n_threads):
            self.workspaces.append(allocate(k, program.ops, program.n_ops, share, 1, False))
        if data is not None and data.loss.call is None:
            self.losses = <double*> calloc(n_units, sizeof(double))
            if self.losses == NULL:
                raise MemoryError("no memory for the losses of the rows")

    def __dealloc__(self):
        free(self.losses)

    cdef double total(self) except? -1:
        """Run, and return sum(w_i l_i), if a loss is wanted."""
        cdef double total = 0
        cdef idx i
        self.run(self.n_threads)
        self.program.put_back(<Workspace> self.workspaces[0])
        if self.error is not None:
            raise self.error
        if self.losses != NULL:
            for i in range((self.n_rows + self.piece - 1) // self.piece):
                total += self.losses[i]
        return total

    cdef void work(self, int thread) noexcept:
        cdef Batches b = self.program.batches(<Workspace> self.workspaces[thread], self.x)
        cdef const Slot* output = &b.run.slots[b.run.output]
        cdef void* rows = NULL if self.outputs is None else self.outputs.data
        cdef double look_at = 0
        cdef Panels panels
        cdef idx begin, end, n
        cdef uint64_t mode
        if self.data is not None:
            self.data.fill(self.program, &b)
        b.looks = True
        b.run.training = self.training
        b.run.seed = batch_seed(self.seed, 0)
        divide(self.n_rows, self.unit, thread, self.n_threads, &begin, &end)
        with nogil:
            mode = fpmode_enter()
            if thread == 0 and end - begin > self.piece:
                look_at = seconds() + PATIENCE
            while begin < end and not flag_is_raised(&self.stopped):
                n = min(end - begin, self.piece)
                b.run.first_sample = begin
                if self.losses != NULL:
                    self.losses[begin // self.piece] = loss_of_rows(&b, begin, n, False, 0, 1)
                else:
                    forward_pass(&b, begin, n, 0, 1)
                if rows != NULL:
                    finish_output(&b, 0, 1)
                    panels = Panels(output.value, output.stride, n, 0, b.run.n_panels)
                    b.run.kernels.unpack_rows(&panels, output.n_features,
                                              at(rows, begin * output.n_features, b.run.kernels))
                begin += n
                if not b.finite:
                    flag_raise(&self.unbounded)
                if thread == 0 and begin < end and seconds() > look_at:
                    fpmode_leave(mode)
                    self.look_at_signals()
                    mode = fpmode_enter()
                    look_at = seconds() + PATIENCE
            fpmode_leave(mode)

    cdef void look_at_signals(self) noexcept with gil:
        try:
            PyErr_CheckSignals()
        except BaseException as error:
            self.error = error
            self.stop()

    cdef void stop(self) noexcept:
        flag_raise(&self.stopped)


def predict(Program program, x, out, idx n_rows, int n_threads=1):
    """out (n_rows, n_out) OUT <- x (n_rows, n_in); arrays of the network's dtype. Return whether x is all finite."""
    cdef const Kernels* k = kernels(program.bits)
    cdef Inference run
    cdef View rows = view(x, "x", n_rows * program.n_in, program.format())
    cdef View outputs = view(out, "out", n_rows * program.n_out, program.format(), True)
    if n_rows == 1:
        program.predict_row(rows.data, outputs.data)
        return bool(k.all_finite(rows.data, program.n_in))
    run = Inference(program, rows, n_rows, None, outputs, n_threads, False, 0)
    run.total()
    return not flag_is_raised(&run.unbounded)


def loss(Program program, Data data, out=None, int n_threads=1, bint training=False, uint64_t seed=0):
    """Return the loss of the data; the predictions OUT into out (n_rows, n_out), if given.

    With `training` layers behave as in `Program.loss_and_grad`, but keep nothing.
    """
    cdef bint called = data.loss.call is not None
    cdef object outputs = np.empty((data.n_rows, program.n_out), program.dtype) if called else out
    cdef View values = None
    cdef Inference run
    cdef Batches b
    cdef Targets answer
    cdef double total
    if outputs is not None:
        values = view(outputs, "outputs", data.n_rows * program.n_out, program.format(), True)
    run = Inference(program, data.x, data.n_rows, data, values, n_threads, training, seed)
    total = run.total()
    if called:
        if out is not None:
            out[...] = outputs
        data.call(program, outputs, values, slice(data.n_rows), &answer)
        total = answer.given_loss
    if program.has_penalties:
        b = program.batches(<Workspace> run.workspaces[0], None)
        data.fill(program, &b)
        total += penalty(&b) * data.weight
    return total / data.weight
