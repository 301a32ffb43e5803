from fastbp._engine.program cimport OpKind


cdef const OpKind* embedding_kind() noexcept
