/* fastbp from C and C++, without the interpreter's lock: docs/c_api.md tells how it is used.
 *
 * `Network.capsule()` and `Trainer.capsule()` return a PyCapsule with a struct of functions, which work on plain memory.
 * None of them allocates, prints, raises, calls Python or looks at signals. Whoever uses the struct keeps the capsule.
 *
 * Reals are float where `bits` is 32, and double where it is 64; arrays are C-contiguous and aligned as their elements
 * must be. IN, OUT and INOUT mark what is done with the memory behind a pointer.
 */
#ifndef FASTBP_H
#define FASTBP_H

#include <stdint.h>

#define FASTBP_ABI 1 /* raised whenever something below is changed or taken away; additions leave it, and raise `size` */
#define FASTBP_CAPSULE "fastbp.model"

#ifdef __cplusplus
extern "C" {
#endif

/* What functions return. Unless it is FASTBP_OK, network and optimiser are as they were before the call. */
enum fastbp_status {
    FASTBP_OK = 0,
    FASTBP_BUSY = 1,         /* another thread works with this model, or trains its network: call again later */
    FASTBP_EXPIRED = 2,      /* the trainer has gone on by itself: ask it for another capsule */
    FASTBP_NO_TRAINER = 3,   /* the capsule is a network's, and this function needs a trainer's */
    FASTBP_BAD_ARGUMENT = 4, /* NULL where there must be memory, a number out of its range, weights that are no weights */
    FASTBP_BAD_TARGET = 5,   /* a target that the loss does not take, or a label that is not in 0 ... n_out - 1 */
    FASTBP_NOT_FINITE = 6    /* the loss is not finite, or a parameter would not be */
};

/* Samples to learn from. Which of `targets` and `labels` there may be is the loss's to say; the other is NULL. */
typedef struct fastbp_samples {
    intptr_t n_samples;
    const void *x;          /* IN (n_samples, n_in) */
    const void *targets;    /* IN (n_samples, n_targets), reals */
    const intptr_t *labels; /* IN (n_samples,) */
    const double *weights;  /* IN (n_samples,), not negative, not all 0; NULL: all 1 */
    const intptr_t *rows;   /* IN (n_samples,): which rows of the arrays above to take, in this order; they may have more
                               rows, or fewer; NULL: rows 0 ... n_samples - 1 */
} fastbp_samples;

typedef struct fastbp_model fastbp_model;

struct fastbp_model {
    uint32_t abi;  /* FASTBP_ABI of the fastbp that runs */
    uint32_t size; /* of this struct, there */
    void *owner;   /* fastbp's own */
    int32_t bits;  /* of a real: 32 or 64 */
    int32_t takes_labels; /* whether the loss takes labels */
    intptr_t n_in;
    intptr_t n_out;
    intptr_t n_params;
    intptr_t n_targets;   /* reals in a row of targets; 0 without a trainer */
    void *params;         /* INOUT (n_params,): Network.params */
    double learning_rate; /* INOUT, greater than 0: of the next steps; first the optimiser's; NaN without a trainer */

    /* out OUT (n_samples, n_out) <- x IN (n_samples, n_in), as Network.predict */
    int (*predict)(fastbp_model *model, const void *x, intptr_t n_samples, void *out);
    /* out OUT (n_out,) <- x IN (n_in,), the same bits, as Network.predict_one */
    int (*predict_one)(fastbp_model *model, const void *x, void *out);

    /* One step of the optimiser on one sample, as Trainer.learn_one: x IN (n_in,), target IN (n_targets,), or a label.
     * loss OUT: before the step; in these functions it may be NULL. */
    int (*learn_one)(fastbp_model *model, const void *x, const void *target, double *loss);
    int (*learn_label)(fastbp_model *model, const void *x, intptr_t label, double *loss);
    /* A step on each mini-batch of the samples, the trainer's batch_size (times accumulate) at a time: what
     * Trainer.fit does in one epoch without shuffling. loss OUT: the mean over the samples, as History.loss has it. */
    int (*train)(fastbp_model *model, const fastbp_samples *samples, double *loss);
    /* rows OUT (n_samples,): the order in which a shuffling Trainer.fit takes them in this epoch, counted from 0 */
    int (*shuffle)(fastbp_model *model, intptr_t epoch, intptr_t n_samples, intptr_t *rows);
    /* loss OUT and grad OUT (n_params,), as Network.loss_and_grad with the trainer's loss */
    int (*loss_and_grad)(fastbp_model *model, const fastbp_samples *samples, double *loss, void *grad);

    /* What a status means, in English; never NULL, never to be freed */
    const char *(*message)(int status);
};

/* Whether a struct from a capsule is one that this file describes. */
static inline int fastbp_is_compatible(const fastbp_model *model)
{
    return model->abi == FASTBP_ABI && model->size >= sizeof(fastbp_model);
}

#ifdef Py_PYTHON_H
/* The struct in a capsule; NULL, with an exception set, if it is none of fastbp's, of another version, or computes in
 * reals of other than so many bits (0: any). Holds no reference: the caller keeps the capsule. Needs the lock. */
static inline fastbp_model *fastbp_import_model(PyObject *capsule, int bits)
{
    fastbp_model *model;
    if (!PyCapsule_IsValid(capsule, FASTBP_CAPSULE)) {
        PyErr_Format(PyExc_TypeError, "expected what Network.capsule() or Trainer.capsule() returns, got %R", capsule);
        return NULL;
    }
    model = (fastbp_model *)PyCapsule_GetPointer(capsule, FASTBP_CAPSULE);
    if (!fastbp_is_compatible(model)) {
        PyErr_Format(PyExc_ImportError,
                     "this module was compiled for version %d of fastbp.h, with a struct of %d bytes; the fastbp that runs "
                     "has version %d, with %d bytes: compile the module again, with the include folder that "
                     "fastbp.get_include() names now",
                     FASTBP_ABI, (int)sizeof(fastbp_model), (int)model->abi, (int)model->size);
        return NULL;
    }
    if (bits != 0 && model->bits != bits) {
        PyErr_Format(PyExc_ValueError, "expected a network of dtype float%d, got float%d", bits, (int)model->bits);
        return NULL;
    }
    return model;
}
#endif

#ifdef __cplusplus
}
#endif

#endif
