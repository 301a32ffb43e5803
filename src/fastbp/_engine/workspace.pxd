from fastbp._engine.kernels cimport Kernels, idx
from fastbp._engine.losses cimport Targets
from fastbp._engine.program cimport Barrier, Op, Pass, Slot


cdef class Workspace:
    cdef const Kernels* kernels
    cdef readonly idx capacity      # samples of a batch, at most
    cdef readonly int n_threads
    cdef readonly bint has_gradients
    cdef readonly idx n_bytes
    cdef void* memory
    cdef Slot* slots
    cdef Slot* rows
    cdef Barrier barrier
    cdef Pass run                   # pointers into memory; what changes from batch to batch is the caller's to set
    cdef Targets targets

    cdef bint is_for(self, int bits)
    cdef bint fits(self, const Kernels* kernels, idx n_samples, int n_threads, bint gradients) noexcept


cdef class Row:
    cdef void* memory
    cdef Pass run

cdef idx bytes_of(const Kernels* kernels, const Op* ops, int n_ops, idx n_samples, int n_threads, bint gradients)
cdef Workspace allocate(const Kernels* kernels, const Op* ops, int n_ops, idx n_samples, int n_threads,
                        bint gradients, bint of_inputs=*)
cdef Row allocate_row(const Op* ops, int n_ops, int bits)
