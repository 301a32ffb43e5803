"""fastbp for other Cython code: ``cimport fastbp``, with ``fastbp.get_include()`` among the extension's include_dirs.

The names of include/fastbp.h, which says what they mean, without their prefix. docs/c_api.md tells how it is used.
"""

from libc.stdint cimport int32_t, intptr_t, uint32_t

cdef extern from "fastbp.h" nogil:
    enum:
        ABI "FASTBP_ABI"

    enum:                       # fastbp_status
        OK "FASTBP_OK"
        BUSY "FASTBP_BUSY"
        EXPIRED "FASTBP_EXPIRED"
        NO_TRAINER "FASTBP_NO_TRAINER"
        BAD_ARGUMENT "FASTBP_BAD_ARGUMENT"
        BAD_TARGET "FASTBP_BAD_TARGET"
        NOT_FINITE "FASTBP_NOT_FINITE"

    ctypedef struct Samples "fastbp_samples":
        intptr_t n_samples
        const void* x
        const void* targets
        const intptr_t* labels
        const double* weights
        const intptr_t* rows

    ctypedef struct Model "fastbp_model":
        uint32_t abi
        uint32_t size
        void* owner
        int32_t bits
        int32_t takes_labels
        intptr_t n_in
        intptr_t n_out
        intptr_t n_params
        intptr_t n_targets
        void* params
        double learning_rate
        int (*predict)(Model* model, const void* x, intptr_t n_samples, void* out) noexcept nogil
        int (*predict_one)(Model* model, const void* x, void* out) noexcept nogil
        int (*learn_one)(Model* model, const void* x, const void* target, double* loss) noexcept nogil
        int (*learn_label)(Model* model, const void* x, intptr_t label, double* loss) noexcept nogil
        int (*train)(Model* model, const Samples* samples, double* loss) noexcept nogil
        int (*shuffle)(Model* model, intptr_t epoch, intptr_t n_samples, intptr_t* rows) noexcept nogil
        int (*loss_and_grad)(Model* model, const Samples* samples, double* loss, void* grad) noexcept nogil
        const char* (*message)(int status) noexcept nogil

cdef extern from "fastbp.h":
    # TypeError, ImportError or ValueError if it is no such capsule, of another version, or of other reals; bits 0: any
    Model* import_model "fastbp_import_model"(object capsule, int bits) except NULL
