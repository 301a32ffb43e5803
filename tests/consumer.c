/* A program in plain C that knows nothing of Python: tests/test_cython_api.py compiles it and hands it models. */
#define _POSIX_C_SOURCE 200112L
#include <pthread.h>
#include <stddef.h>
#include <string.h>
#include <time.h>

#include "fastbp.h"

static double seconds(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* Where this compiler has the members: OUT (n,), of which there are as many as are returned */
int consumer_offsets(size_t *offsets)
{
    const size_t here[] = {
        offsetof(fastbp_model, abi),         offsetof(fastbp_model, size),          offsetof(fastbp_model, owner),
        offsetof(fastbp_model, bits),        offsetof(fastbp_model, takes_labels),  offsetof(fastbp_model, n_in),
        offsetof(fastbp_model, n_out),       offsetof(fastbp_model, n_params),      offsetof(fastbp_model, n_targets),
        offsetof(fastbp_model, params),      offsetof(fastbp_model, learning_rate), offsetof(fastbp_model, predict),
        offsetof(fastbp_model, predict_one), offsetof(fastbp_model, learn_one),     offsetof(fastbp_model, learn_label),
        offsetof(fastbp_model, train),       offsetof(fastbp_model, shuffle),       offsetof(fastbp_model, loss_and_grad),
        offsetof(fastbp_model, message),     sizeof(fastbp_model),
    };
    memcpy(offsets, here, sizeof(here));
    return (int)(sizeof(here) / sizeof(here[0]));
}

int consumer_is_compatible(const fastbp_model *model) { return fastbp_is_compatible(model); }

/* Predict row after row of x (n_samples, n_in), and learn each: out OUT (n_samples, n_out), losses OUT (n_samples,) */
int consumer_learn(fastbp_model *model, const char *x, const char *targets, intptr_t n_samples, char *out,
                   double *losses)
{
    size_t real = (size_t)model->bits / 8;
    intptr_t i;
    for (i = 0; i < n_samples; i++) {
        const char *row = x + (size_t)(i * model->n_in) * real;
        int status = model->predict_one(model, row, out + (size_t)(i * model->n_out) * real);
        if (status == FASTBP_OK)
            status = model->learn_one(model, row, targets + (size_t)(i * model->n_targets) * real, &losses[i]);
        if (status != FASTBP_OK)
            return status;
    }
    return FASTBP_OK;
}

/* Seconds of the processor that n predictions of one row take; negative if one fails */
double consumer_time(fastbp_model *model, const void *x, void *out, intptr_t n)
{
    double began = seconds(CLOCK_THREAD_CPUTIME_ID);
    while (n-- > 0)
        if (model->predict_one(model, x, out) != FASTBP_OK)
            return -1;
    return seconds(CLOCK_THREAD_CPUTIME_ID) - began;
}

typedef struct work {
    fastbp_model *model;
    const void *x;
    const void *target;
    intptr_t n;
    intptr_t n_done;
    double took;
    int ended;
} work;

static void *do_work(void *given)
{
    work *mine = given;
    fastbp_model *model = mine->model;
    intptr_t n_done = 0;
    char out[64];
    double began = seconds(CLOCK_THREAD_CPUTIME_ID);
    while (n_done < mine->n && model->predict_one(model, mine->x, out) == FASTBP_OK &&
           (mine->target == NULL || model->learn_one(model, mine->x, mine->target, NULL) == FASTBP_OK))
        n_done++;
    mine->took = seconds(CLOCK_THREAD_CPUTIME_ID) - began;
    mine->n_done = n_done;
    __atomic_store_n(&mine->ended, 1, __ATOMIC_RELEASE);
    return NULL;
}

/* Two threads predict, each with a model of its own, n rows and, given a target, learn them. Returns how many they did
 * in all; -1 if they are not done after a minute, as they would never be if they waited for a lock that the caller
 * holds. took OUT (2,): seconds of the processor, of each. */
intptr_t consumer_two_threads(fastbp_model *a, fastbp_model *b, const void *x, const void *target, intptr_t n,
                              double *took)
{
    static work works[2]; /* a thread that never ends has them for good */
    const struct timespec pause = {0, 1000000};
    double deadline = seconds(CLOCK_MONOTONIC) + 60;
    pthread_t threads[2];
    int i;
    for (i = 0; i < 2; i++) {
        work mine = {i ? b : a, x, target, n, 0, 0, 0};
        works[i] = mine;
        if (pthread_create(&threads[i], NULL, do_work, &works[i]) != 0)
            return -2;
    }
    while (!__atomic_load_n(&works[0].ended, __ATOMIC_ACQUIRE) || !__atomic_load_n(&works[1].ended, __ATOMIC_ACQUIRE)) {
        if (seconds(CLOCK_MONOTONIC) > deadline)
            return -1;
        nanosleep(&pause, NULL);
    }
    for (i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
        took[i] = works[i].took;
    }
    return works[0].n_done + works[1].n_done;
}
