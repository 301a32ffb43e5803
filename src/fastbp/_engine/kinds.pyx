"""The kinds of operations: what a network can be made of."""

from libc.stdint cimport uintptr_t

from fastbp._engine.activation cimport activation_kind
from fastbp._engine.dense cimport dense_kind
from fastbp._engine.layer_norm cimport layer_norm_kind
from fastbp._engine.program cimport OpKind
from fastbp._engine.residual cimport add_kind, fork_kind

KINDS = {
    "dense": <uintptr_t> dense_kind(),
    "activation": <uintptr_t> activation_kind(),
    "layer_norm": <uintptr_t> layer_norm_kind(),
    "fork": <uintptr_t> fork_kind(),
    "add": <uintptr_t> add_kind(),
}


cdef const OpKind* kind_of(str name) except NULL:
    return <const OpKind*> <uintptr_t> KINDS[name]
