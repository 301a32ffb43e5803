/* Flush denormals to zero while the engine computes (they cost ten times as much), and give the caller's mode back.
 * The mode belongs to the calling thread alone.
 */
#ifndef FBP_FPMODE_H
#define FBP_FPMODE_H

#include <stdint.h>

#if defined(__SSE2__)
static inline uint64_t fpmode_enter(void)
{
    unsigned int mode = __builtin_ia32_stmxcsr();
    __builtin_ia32_ldmxcsr(mode | 0x8040); /* FTZ, DAZ */
    return mode;
}
static inline void fpmode_leave(uint64_t mode) { __builtin_ia32_ldmxcsr((unsigned int)mode); }
#elif defined(__aarch64__)
static inline uint64_t fpmode_enter(void)
{
    uint64_t mode;
    __asm__ volatile("mrs %0, fpcr" : "=r"(mode));
    __asm__ volatile("msr fpcr, %0" : : "r"(mode | (UINT64_C(1) << 24))); /* FZ */
    return mode;
}
static inline void fpmode_leave(uint64_t mode) { __asm__ volatile("msr fpcr, %0" : : "r"(mode)); }
#else
static inline uint64_t fpmode_enter(void) { return 0; }
static inline void fpmode_leave(uint64_t mode) { (void)mode; }
#endif

#endif
