from libc.stdint cimport uint64_t

from fastbp._engine.buffers cimport View
from fastbp._engine.engine cimport Program
from fastbp._engine.kernels cimport idx
from fastbp._engine.losses cimport HeldLoss
from fastbp._engine.optimizers cimport Arrays, Clock, Hyper
from fastbp._engine.passes cimport Batches
from fastbp._engine.workspace cimport Workspace


cdef class Learner:
    cdef Program program
    cdef Workspace workspace
    cdef Batches batches        # in that workspace
    cdef Hyper hyper
    cdef Clock clock
    cdef View states
    cdef View average
    cdef View rates
    cdef idx n_learned
    cdef uint64_t n_batches     # learnt before
    cdef Arrays arrays
    cdef HeldLoss loss
    cdef idx n_targets
    cdef bint takes_labels
    cdef double lowest          # what a target may be
    cdef double highest
    cdef bint whole
    cdef bint unlimited
    cdef uint64_t seed
    cdef bint retired           # there are to be no more steps
    cdef int arrangement        # the network's, when this was made

    cdef bint is_closed(self) noexcept nogil
    cdef int begin(self) noexcept nogil
    cdef void end(self) noexcept nogil
    cdef bint begin_or_raise(self) except -1
    cdef int make_ready(self) except -1
    cdef object step(self, const void* x, const idx* label, const void* target, double weight, bint held)
    cdef int prepare(self) except -1
    cdef idx run_rows(self, idx begin, idx end, const double* weights, double* losses, void* outputs) noexcept nogil
    cdef bint run_alone(self, double* loss) noexcept nogil
    cdef bint run(self, idx row, double* loss) noexcept nogil
