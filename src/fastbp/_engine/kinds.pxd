from fastbp._engine.program cimport OpKind


cdef const OpKind* kind_of(str name) except NULL
