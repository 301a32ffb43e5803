/* A barrier for a few threads that run one step together: spin for a while, then sleep.
 *
 * The last thread to arrive opens the next round. Waiting costs well under a microsecond when every thread has a core.
 * Where there are more threads than cores, spinning keeps a core from the very thread that is waited for, and
 * sched_yield hands it to any program that wants it, for a whole turn of the scheduler; one that sleeps is woken as soon
 * as the round opens. So once spinning has been in vain it is hardly tried for some rounds.
 */
#ifndef FBP_BARRIER_H
#define FBP_BARRIER_H

#include <stdint.h>
#include <time.h>

#if defined(__linux__)
#include <limits.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

enum {
    BARRIER_SPINS = 64,               /* between two looks at the clock; all that there are when crowded */
    BARRIER_NANOSECONDS = 200 * 1000, /* of spinning otherwise: several times what it takes to wake a thread */
    BARRIER_ROUNDS = 64,              /* after so many, long spinning is tried again */
};

typedef struct {
    int n_threads;
    int arrived;
    uint32_t round;
    int n_asleep; /* or about to be */
    int crowded;  /* whether spinning was in vain when it was last tried */
} Barrier;

#if defined(__linux__)
/* The kernel puts a thread to sleep only while the round is still the one it waits in, so no opening is missed. */
static inline void barrier_sleep(Barrier *barrier, uint32_t round, int n_times)
{
    (void)n_times;
    __atomic_add_fetch(&barrier->n_asleep, 1, __ATOMIC_SEQ_CST);
    syscall(SYS_futex, &barrier->round, FUTEX_WAIT_PRIVATE, round, (void *)0, (void *)0, 0);
    __atomic_sub_fetch(&barrier->n_asleep, 1, __ATOMIC_RELAXED);
}
static inline void barrier_wake(Barrier *barrier)
{
    if (__atomic_load_n(&barrier->n_asleep, __ATOMIC_SEQ_CST))
        syscall(SYS_futex, &barrier->round, FUTEX_WAKE_PRIVATE, INT_MAX, (void *)0, (void *)0, 0);
}
#else
/* Nobody wakes it: it looks again after 1, 2, 4 ... and at most 256 microseconds. */
static inline void barrier_sleep(Barrier *barrier, uint32_t round, int n_times)
{
    struct timespec pause = {0, 1000L << (n_times < 8 ? n_times : 8)};
    (void)barrier, (void)round;
    nanosleep(&pause, (struct timespec *)0);
}
static inline void barrier_wake(Barrier *barrier) { (void)barrier; }
#endif

static inline int64_t barrier_nanoseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static inline int barrier_is_closed(const Barrier *barrier, uint32_t round)
{
    return __atomic_load_n(&barrier->round, __ATOMIC_ACQUIRE) == round;
}

static inline void barrier_wait(Barrier *barrier)
{
    if (barrier->n_threads == 1)
        return;
    uint32_t round = __atomic_load_n(&barrier->round, __ATOMIC_RELAXED);
    if (__atomic_add_fetch(&barrier->arrived, 1, __ATOMIC_ACQ_REL) == barrier->n_threads) {
        __atomic_store_n(&barrier->arrived, 0, __ATOMIC_RELAXED);
        __atomic_store_n(&barrier->round, round + 1, __ATOMIC_SEQ_CST);
        barrier_wake(barrier);
        return;
    }
    int crowded = __atomic_load_n(&barrier->crowded, __ATOMIC_RELAXED);
    int spins_long = !crowded || round % BARRIER_ROUNDS == 0;
    int n_sleeps = 0;
    int64_t end = 0;
    while (barrier_is_closed(barrier, round)) {
        for (int spins = 0; spins < BARRIER_SPINS && barrier_is_closed(barrier, round); spins++) {
#if defined(__x86_64__) || defined(__i386__)
            __builtin_ia32_pause();
#endif
        }
        if (spins_long && end == 0)
            end = barrier_nanoseconds() + BARRIER_NANOSECONDS;
        else if (!spins_long || barrier_nanoseconds() > end)
            barrier_sleep(barrier, round, n_sleeps++);
    }
    if (spins_long && crowded != (n_sleeps > 0))
        __atomic_store_n(&barrier->crowded, n_sleeps > 0, __ATOMIC_RELAXED);
}

#endif
