"""The kinds of operations: what a network can be made of."""

from libc.stdint cimport uintptr_t

from fastbp._engine.activation cimport activation_kind
from fastbp._engine.batch_norm cimport batch_norm_kind
from fastbp._engine.dense cimport dense_kind
from fastbp._engine.embedding cimport embedding_kind
from fastbp._engine.layer_norm cimport layer_norm_kind
from fastbp._engine.noise cimport dropout_kind, noise_kind
from fastbp._engine.prelu cimport prelu_kind
from fastbp._engine.program cimport OpKind
from fastbp._engine.residual cimport add_kind, fork_kind
from fastbp._engine.standardize cimport standardize_kind, unstandardize_kind

KINDS = {
    "dense": <uintptr_t> dense_kind(),
    "activation": <uintptr_t> activation_kind(),
    "layer_norm": <uintptr_t> layer_norm_kind(),
    "batch_norm": <uintptr_t> batch_norm_kind(),
    "prelu": <uintptr_t> prelu_kind(),
    "dropout": <uintptr_t> dropout_kind(),
    "gaussian_noise": <uintptr_t> noise_kind(),
    "embedding": <uintptr_t> embedding_kind(),
    "fork": <uintptr_t> fork_kind(),
    "add": <uintptr_t> add_kind(),
    "standardize": <uintptr_t> standardize_kind(),
    "unstandardize": <uintptr_t> unstandardize_kind(),
}


cdef const OpKind* kind_of(str name) except NULL:
    return <const OpKind*> <uintptr_t> KINDS[name]
