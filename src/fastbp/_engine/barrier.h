/* A barrier for a few threads that run one step together: spin a little, then give way.
 *
 * The last thread to arrive opens the next round. Waiting costs well under a microsecond when every thread has a core,
 * and no more than a scheduler's turn when it has not.
 */
#ifndef FBP_BARRIER_H
#define FBP_BARRIER_H

#include <sched.h>

typedef struct {
    int n_threads;
    int arrived;
    int round;
} Barrier;

static inline void barrier_wait(Barrier *barrier)
{
    if (barrier->n_threads == 1)
        return;
    int round = __atomic_load_n(&barrier->round, __ATOMIC_RELAXED);
    if (__atomic_add_fetch(&barrier->arrived, 1, __ATOMIC_ACQ_REL) == barrier->n_threads) {
        __atomic_store_n(&barrier->arrived, 0, __ATOMIC_RELAXED);
        __atomic_store_n(&barrier->round, round + 1, __ATOMIC_RELEASE);
        return;
    }
    for (int spins = 0; __atomic_load_n(&barrier->round, __ATOMIC_ACQUIRE) == round; spins++) {
        if (spins < 2000) {
#if defined(__x86_64__) || defined(__i386__)
            __builtin_ia32_pause();
#endif
        } else {
            sched_yield();
        }
    }
}

#endif
