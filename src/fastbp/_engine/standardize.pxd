from fastbp._engine.program cimport OpKind


cdef const OpKind* standardize_kind() noexcept
cdef const OpKind* unstandardize_kind() noexcept
