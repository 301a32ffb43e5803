/* What this processor and this operating system can run. GCC and Clang ask both: a processor that has the
 * instructions under a system that does not save the registers counts as one that has not.
 */
#ifndef FBP_CPU_H
#define FBP_CPU_H

#if defined(__x86_64__) || defined(__i386__)
static inline int cpu_has_avx2(void)
{
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}
static inline int cpu_has_avx512(void)
{
    __builtin_cpu_init();
    return cpu_has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}
#else
static inline int cpu_has_avx2(void) { return 0; }
static inline int cpu_has_avx512(void) { return 0; }
#endif

#endif
