from fastbp._engine.program cimport OpKind


cdef const OpKind* fork_kind() noexcept
cdef const OpKind* add_kind() noexcept
