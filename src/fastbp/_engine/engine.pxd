from libc.stdint cimport uint64_t

from fastbp._engine.buffers cimport View
from fastbp._engine.claim cimport Claim
from fastbp._engine.kernels cimport Kernels, idx
from fastbp._engine.passes cimport Batches
from fastbp._engine.program cimport Op, Part, Pass
from fastbp._engine.workspace cimport Row, Workspace

cdef enum:
    GRADIENT_ROWS = 1024        # samples that go through at once for a gradient; a larger batch goes in pieces
    HOLD_GIL_BELOW = 200_000    # parameters: one sample takes 20 us at most, and who gives the GIL away waits for it


cdef extern from "fpmode.h" nogil:
    uint64_t fpmode_enter()
    void fpmode_leave(uint64_t mode)


cdef int process_mark() noexcept nogil


cdef class Program:
    cdef Op* ops
    cdef int n_ops
    cdef Part* parts            # of the trainable parameters, in their order
    cdef int n_parts
    cdef int first_trainable    # the first operation that training changes; n_ops if there is none
    cdef bint whole_batch       # in training, batches cannot go through in pieces
    cdef bint fuses             # plain SGD needs no stored gradient
    cdef bint has_penalties
    cdef bint has_limits
    cdef bint keeps             # operations keep something besides parameters
    cdef bint scales_targets    # losses take outputs and targets on a scale of the network's own
    cdef readonly int bits
    cdef readonly object dtype
    cdef readonly idx n_in
    cdef readonly idx n_out
    cdef readonly idx n_params
    cdef readonly idx n_buffers
    cdef View params
    cdef View buffers
    cdef Workspace spare        # of the last call, for the next one
    cdef Row spare_row
    cdef Claim training         # of whoever changes what is trained, or which of it is
    cdef int arrangement        # another number whenever operations are frozen or freed

    cdef bint take(self) noexcept nogil
    cdef void give_back(self) noexcept nogil
    cdef void join_rectifiers(self) noexcept
    cdef divide_params(self, list trainable)
    cdef int predict_row(self, const void* x, void* out) except -1
    cdef void forward_row(self, Pass* row, const void* x, void* out) noexcept nogil
    cdef bytes format(self)
    cdef check_batches(self, idx n_rows, idx batch_size)
    cdef idx rows_at_once(self, idx n_rows, bint training) noexcept
    cdef idx rows_of_a_piece(self) noexcept
    cdef Workspace borrow(self, idx n_samples, int n_threads, bint gradients)
    cdef int put_back(self, Workspace workspace) except -1
    cdef Batches batches(self, Workspace workspace, View x) noexcept


cdef class Exclusive:
    cdef Program program
