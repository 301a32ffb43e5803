/* The time, and what threads tell each other without a lock: flags, and a pointer that is set once. */
#ifndef FBP_WATCH_H
#define FBP_WATCH_H

#include <time.h>

typedef int Flag;

static inline void flag_raise(Flag *flag) { __atomic_store_n(flag, 1, __ATOMIC_RELAXED); }
static inline int flag_is_raised(const Flag *flag) { return __atomic_load_n(flag, __ATOMIC_RELAXED); }

static inline const void *pointer_look(const void **pointer) { return __atomic_load_n(pointer, __ATOMIC_ACQUIRE); }
static inline void pointer_set(const void **pointer, const void *value)
{
    __atomic_store_n(pointer, value, __ATOMIC_RELEASE);
}

static inline double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

#endif
