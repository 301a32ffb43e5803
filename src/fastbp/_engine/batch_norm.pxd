from fastbp._engine.program cimport OpKind


cdef const OpKind* batch_norm_kind() noexcept
