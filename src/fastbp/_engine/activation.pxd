from fastbp._engine.program cimport OpKind


cdef const OpKind* activation_kind() noexcept
