from fastbp._engine.program cimport OpKind


cdef const OpKind* layer_norm_kind() noexcept
