/* The vector of one target and one dtype, for kernels.pxi.
 *
 * FBP_BITS (32 or 64) picks the dtype; the compiler's flags pick the width: 64 bytes with AVX-512, 32 with
 * AVX2, 16 otherwise (SSE2, NEON). Everything is written with the vector extension of GCC and Clang;
 * the fused multiply-add and the square root alone name an instruction: the first so that no compiler decides where
 * rounding happens (the kernels are built with -ffp-contract=off), the second because the extension has none.
 * No loops here: they belong to the kernels.
 */
#ifndef FBP_SIMD_H
#define FBP_SIMD_H

#include <stdint.h>
#include <string.h>

#if FBP_BITS == 32
typedef float real;
typedef int32_t real_bits;
#elif FBP_BITS == 64
typedef double real;
typedef int64_t real_bits;
#else
#error "FBP_BITS must be 32 or 64"
#endif

#if defined(__AVX512F__)
#define FBP_VEC_BYTES 64
#elif defined(__AVX2__)
#define FBP_VEC_BYTES 32
#else
#define FBP_VEC_BYTES 16
#endif
#define LANES ((int)(FBP_VEC_BYTES / sizeof(real)))

/* Rows of a GEMM tile (gemm.pxi): as many as leave registers for the right factor, of 32 registers or of 16. */
#if defined(__AVX512F__)
#define STRIP_ROWS 14
#else
#define STRIP_ROWS 6
#endif

#if defined(__AVX512F__)
#include <immintrin.h>
#define FBP_INTEL(name) _mm512_##name
#elif defined(__FMA__)
#include <immintrin.h>
#define FBP_INTEL(name) _mm256_##name
#elif defined(__SSE2__)
#include <emmintrin.h>
#define FBP_INTEL(name) _mm_##name
#define FBP_NO_FMA
#elif defined(__ARM_NEON) && defined(__aarch64__)
#include <arm_neon.h>
#else
#error "fastbp needs SSE2, AVX2 with FMA, AVX-512 or 64-bit NEON"
#endif

typedef real vec __attribute__((vector_size(FBP_VEC_BYTES)));
typedef real_bits ivec __attribute__((vector_size(FBP_VEC_BYTES)));
typedef vec unaligned_vec __attribute__((aligned(sizeof(real)), may_alias));

#define FBP_INLINE static inline __attribute__((always_inline))

FBP_INLINE vec vload(const real *p) { return *(const unaligned_vec *)p; }
FBP_INLINE void vstore(real *p, vec x) { *(unaligned_vec *)p = x; }
/* x - 0 is x for every x, -0 included, so it folds to one broadcast; 0 + x would cost an addition. */
FBP_INLINE vec vsplat(real x) { return x - (vec){0}; }

/* Words of random bits: a vector of 64 bits a lane, written as 32 bits a word. vwords makes LANES words real, of which
 * it takes the upper 24 bits, as integers. */
typedef uint64_t wvec __attribute__((vector_size(FBP_VEC_BYTES)));
typedef wvec unaligned_wvec __attribute__((aligned(4), may_alias));
#define WORD_VECTORS (64 / FBP_BITS) /* that have the words of two vectors of reals */
FBP_INLINE wvec wload(const uint64_t *p) { return *(const unaligned_wvec *)p; }
FBP_INLINE void wstore(uint32_t *p, wvec x) { *(unaligned_wvec *)p = x; }
FBP_INLINE wvec wsplat(uint64_t x) { return x - (wvec){0}; }
typedef int32_t words_vec __attribute__((vector_size(4 * FBP_VEC_BYTES / (FBP_BITS / 8))));
typedef uint32_t unaligned_words __attribute__((vector_size(4 * FBP_VEC_BYTES / (FBP_BITS / 8)), aligned(4), may_alias));
FBP_INLINE vec vwords(const uint32_t *p)
{
    return __builtin_convertvector((words_vec)(*(const unaligned_words *)p >> 8), vec);
}

/* Masks are all ones or all zeros in each lane. A comparison with NaN is false. */
FBP_INLINE ivec vless(vec a, vec b) { return a < b; }
FBP_INLINE ivec vlesseq(vec a, vec b) { return a <= b; }
FBP_INLINE ivec vequal(vec a, vec b) { return a == b; }
/* With + for |, GCC sees the choice and not a bit trick of its own making, and emits one blend. */
FBP_INLINE vec vselect(ivec mask, vec yes, vec no) { return (vec)((mask & (ivec)yes) + (~mask & (ivec)no)); }
FBP_INLINE vec vmax(vec a, vec b) { return vselect(a < b, b, a); }
FBP_INLINE vec vmin(vec a, vec b) { return vselect(b < a, b, a); }

/* A transposition goes by quads, the 16 bytes within which every target can interleave two vectors. */
#define QUAD ((int)(16 / sizeof(real)))
typedef real quad __attribute__((vector_size(16), aligned(sizeof(real)), may_alias));
#if FBP_VEC_BYTES / (FBP_BITS / 8) == 16
#define FBP_LOW 0, 16, 1, 17, 4, 20, 5, 21, 8, 24, 9, 25, 12, 28, 13, 29
#define FBP_HIGH 2, 18, 3, 19, 6, 22, 7, 23, 10, 26, 11, 27, 14, 30, 15, 31
#elif FBP_VEC_BYTES == 64
#define FBP_LOW 0, 8, 2, 10, 4, 12, 6, 14
#define FBP_HIGH 1, 9, 3, 11, 5, 13, 7, 15
#elif FBP_VEC_BYTES == 32 && FBP_BITS == 32
#define FBP_LOW 0, 8, 1, 9, 4, 12, 5, 13
#define FBP_HIGH 2, 10, 3, 11, 6, 14, 7, 15
#elif FBP_VEC_BYTES == 32
#define FBP_LOW 0, 4, 2, 6
#define FBP_HIGH 1, 5, 3, 7
#elif FBP_BITS == 32
#define FBP_LOW 0, 4, 1, 5
#define FBP_HIGH 2, 6, 3, 7
#else
#define FBP_LOW 0, 2
#define FBP_HIGH 1, 3
#endif
/* Of each quad of a and b, the first halves or the last halves, interleaved. */
FBP_INLINE vec vzip_low(vec a, vec b) { return __builtin_shufflevector(a, b, FBP_LOW); }
FBP_INLINE vec vzip_high(vec a, vec b) { return __builtin_shufflevector(a, b, FBP_HIGH); }
/* Quad i of the result is the quad at rows[i * QUAD] + offset. Put together in registers: by way of memory, the wide
 * load would have to wait for the narrow stores. Insertion is by intrinsic, for GCC makes two instructions of each. */
#define FBP_QUAD(i) (*(const quad *)(rows[(i) * QUAD] + offset))
FBP_INLINE vec vload_quads(const real *const *rows, intptr_t offset)
{
#if FBP_VEC_BYTES == 64
    __m512 quads = _mm512_castps128_ps512((__m128)FBP_QUAD(0));
    quads = _mm512_insertf32x4(quads, (__m128)FBP_QUAD(1), 1);
    quads = _mm512_insertf32x4(quads, (__m128)FBP_QUAD(2), 2);
    return (vec)_mm512_insertf32x4(quads, (__m128)FBP_QUAD(3), 3);
#elif FBP_VEC_BYTES == 32
    return (vec)_mm256_insertf128_ps(_mm256_castps128_ps256((__m128)FBP_QUAD(0)), (__m128)FBP_QUAD(1), 1);
#else
    return FBP_QUAD(0);
#endif
}

/* Ask for the cache line of an address that will be wanted soon: by the first cache, or by the second one. */
FBP_INLINE void vprefetch(const void *p) { __builtin_prefetch(p, 0, 3); }
FBP_INLINE void vprefetch_far(const void *p) { __builtin_prefetch(p, 0, 2); }

/* a * b + c: rounded once on every target with fused multiply-add, twice on SSE2. */
FBP_INLINE vec vfma(vec a, vec b, vec c)
{
#if defined(FBP_NO_FMA)
    return a * b + c;
#elif defined(FBP_INTEL) && FBP_BITS == 32
    return (vec)FBP_INTEL(fmadd_ps)(a, b, c);
#elif defined(FBP_INTEL)
    return (vec)FBP_INTEL(fmadd_pd)(a, b, c);
#elif FBP_BITS == 32
    return (vec)vfmaq_f32(c, a, b);
#else
    return (vec)vfmaq_f64(c, a, b);
#endif
}

FBP_INLINE vec vsqrt(vec x)
{
#if defined(FBP_INTEL) && FBP_BITS == 32
    return (vec)FBP_INTEL(sqrt_ps)(x);
#elif defined(FBP_INTEL)
    return (vec)FBP_INTEL(sqrt_pd)(x);
#elif FBP_BITS == 32
    return (vec)vsqrtq_f32(x);
#else
    return (vec)vsqrtq_f64(x);
#endif
}

/* The bits of a real: sign, exponent + EXPONENT_BIAS, MANTISSA_BITS. Shifts are of unsigned lanes: SSE2 and AVX2 have
 * no arithmetic shift of 64 bits. */
#if FBP_BITS == 32
typedef uint32_t uvec __attribute__((vector_size(FBP_VEC_BYTES)));
#define MANTISSA_BITS 23
#define EXPONENT_BIAS 127
#else
typedef uint64_t uvec __attribute__((vector_size(FBP_VEC_BYTES)));
#define MANTISSA_BITS 52
#define EXPONENT_BIAS 1023
#endif
#define FBP_BIT(n) ((real_bits)1 << (n))
#define FBP_SIGN ((ivec)vsplat((real)-0.0))

FBP_INLINE vec vabs(vec x) { return (vec)((ivec)x & ~FBP_SIGN); }
FBP_INLINE vec vminus_abs(vec x) { return (vec)((ivec)x | FBP_SIGN); }
/* x, made negative where y is. */
FBP_INLINE vec vnegative_as(vec x, vec y) { return (vec)((ivec)x | ((ivec)y & FBP_SIGN)); }
/* The leading half of x's bits, so that its square is exact. */
FBP_INLINE vec vhigh_half(vec x) { return (vec)((ivec)x & -FBP_BIT((MANTISSA_BITS + 2) / 2)); }

/* k = y + ROUNDER holds n + 2 * EXPONENT_BIAS in its lowest bits, n the integer next to y, and k - ROUNDER is n.
 * 2^n is made as two factors, 2^floor(n / 2) and 2^ceil(n / 2): 2^n itself may be too large or small for a real.
 * Where it never is, POW2_ROUNDER and vpow2 make it in one. */
#define FBP_INTEGERS (FBP_BIT(MANTISSA_BITS) + FBP_BIT(MANTISSA_BITS - 1))
#define ROUNDER ((real)(FBP_INTEGERS + 2 * EXPONENT_BIAS))
#define POW2_ROUNDER ((real)(FBP_INTEGERS + EXPONENT_BIAS))
FBP_INLINE vec vpow2_floor(vec k) { return (vec)(((uvec)k >> 1) << MANTISSA_BITS); }
FBP_INLINE vec vpow2_ceil(vec k) { return (vec)(((uvec)k - ((uvec)k >> 1)) << MANTISSA_BITS); }
FBP_INLINE vec vpow2(vec k) { return (vec)((uvec)k << MANTISSA_BITS); }
/* 1 / p for a power of two, p and 1 / p normal. */
FBP_INLINE vec vpow2_inverse(vec p) { return (vec)(2 * (uvec)vsplat(1) - (uvec)p); }

/* x = m 2^n with low <= m < 2 low, for a normal x > 0 and 1/2 < low <= 1. The bits of x, less those of low, plus those
 * of 1, have n in the place of the exponent and m, less low, below it. The integer n becomes a real as the last bits of
 * one whose unit is its last bit. */
FBP_INLINE uvec vscaled_bits(vec x, real low) { return (uvec)x + ((uvec)vsplat(1) - (uvec)vsplat(low)); }
FBP_INLINE vec vexponent(vec x, real low)
{
    vec unit = vsplat((real)FBP_BIT(MANTISSA_BITS));
    return (vec)((vscaled_bits(x, low) >> MANTISSA_BITS) | (uvec)unit) - (unit + vsplat(EXPONENT_BIAS));
}
FBP_INLINE vec vmantissa(vec x, real low)
{
    return (vec)((vscaled_bits(x, low) & (FBP_BIT(MANTISSA_BITS) - 1)) + (uvec)vsplat(low));
}

#endif
