/* The time, and a flag that one thread raises and others look at. */
#ifndef FBP_WATCH_H
#define FBP_WATCH_H

#include <time.h>

typedef int Flag;

static inline void flag_raise(Flag *flag) { __atomic_store_n(flag, 1, __ATOMIC_RELAXED); }
static inline int flag_is_raised(const Flag *flag) { return __atomic_load_n(flag, __ATOMIC_RELAXED); }

static inline double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

#endif
