from fastbp._engine.program cimport OpKind


cdef const OpKind* prelu_kind() noexcept
