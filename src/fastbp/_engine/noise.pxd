from fastbp._engine.program cimport OpKind


cdef const OpKind* dropout_kind() noexcept
cdef const OpKind* noise_kind() noexcept
