from libc.stdint cimport uint64_t

from fastbp._engine.buffers cimport View
from fastbp._engine.kernels cimport Kernels, Loss, idx
from fastbp._engine.passes cimport Batches
from fastbp._engine.program cimport Op
from fastbp._engine.workspace cimport Workspace

cdef enum:
    PREDICT_ROWS = 256          # samples that go through at once when no gradient is wanted
    GRADIENT_ROWS = 1024        # and when one is; a larger batch goes through in pieces


cdef extern from "fpmode.h" nogil:
    uint64_t fpmode_enter()
    void fpmode_leave(uint64_t mode)


cdef class Program:
    cdef Op* ops
    cdef int n_ops
    cdef readonly int bits
    cdef readonly object dtype
    cdef readonly idx n_in
    cdef readonly idx n_out
    cdef readonly idx n_params
    cdef View params
    cdef Workspace spare        # of the last call, for the next one
    cdef void* rows[2]          # values of one sample on their way through
    cdef bint training

    cdef void forward_row(self, const Kernels* k, const void* x, void* out) noexcept
    cdef bytes format(self)
    cdef Workspace borrow(self, idx n_samples, int n_threads, bint gradients)
    cdef Batches batches(self, Workspace workspace, View x) noexcept


cdef class Data:
    cdef readonly idx n_rows
    cdef readonly bint fused
    cdef readonly double weight
    cdef Loss loss
    cdef View x
    cdef View y
    cdef View weights
    cdef bint has_labels

    cdef void fill(self, Batches* b) noexcept
