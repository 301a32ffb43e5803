from fastbp._engine.buffers cimport View
from fastbp._engine.engine cimport Program
from fastbp._engine.kernels cimport idx
from fastbp._engine.losses cimport HeldLoss, Targets
from fastbp._engine.passes cimport Batches


cdef class Data:
    cdef readonly idx n_rows
    cdef readonly double weight
    cdef HeldLoss loss
    cdef double gain
    cdef object targets         # of a loss that is called: as they came, for it alone knows what they are
    cdef object sample_weight
    cdef View x
    cdef View y                 # one of these two
    cdef View labels
    cdef View weights

    cdef void fill(self, Program program, Batches* b) noexcept
    cdef View forward(self, Program program, Batches* b, idx begin, idx n, rows)
    cdef View call(self, Program program, outputs, View values, rows, Targets* answer)
