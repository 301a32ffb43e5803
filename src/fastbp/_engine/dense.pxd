from fastbp._engine.program cimport OpKind

cdef const OpKind* dense_kind() noexcept
