/* The constants of vmath.pxi, written by tools/vmath_coefficients.py: change them there. Coefficients stand lowest
 * power first; the error is that of the function made of them, without rounding. */
#ifndef FBP_VMATH_TABLES_H
#define FBP_VMATH_TABLES_H

#include "simd.h"

#if FBP_BITS == 32
static const real EXP_LOWEST = (real)-104.006737;
static const real EXP_HIGHEST = (real)88.9307861;
static const real GAUSS_LIMIT = (real)14.420269;
static const real TANH_LIMIT = (real)9.01992416;
static const real ERF_LIMIT = (real)4.00413179;
static const real LOG2_E = (real)1.44269502;
static const real LN2_HIGH = (real)0.693145752;
static const real LN2_LOW = (real)1.42860677e-06;
static const real SQRT_HALF = (real)0.707106769;
static const real INV_SQRT_2PI = (real)0.398942292;
static const real SMALLEST_NORMAL = (real)1.17549435e-38;
static const real DENORMAL_SCALE = (real)16777216;
static const real DENORMAL_SCALE_LOG2 = (real)24;

/* relative error 2^-26.17 */
enum { EXPM1_TERMS = 5 };
static const real EXPM1_P[EXPM1_TERMS] = {
    (real)0.49999997,
    (real)0.166665435,
    (real)0.0416671932,
    (real)0.00836659223,
    (real)0.00138831628,
};

/* relative error 2^-27.74 */
enum { LOG1P_TERMS = 4 };
static const real LOG1P_P[LOG1P_TERMS] = {
    (real)0.666664183,
    (real)0.400215268,
    (real)0.280018389,
    (real)0.280118257,
};

/* relative error 2^-32.55 */
enum { TANH_TERMS = 3 };
static const real TANH_P[TANH_TERMS] = {
    (real)-0.333333224,
    (real)0.133311763,
    (real)-0.052724842,
};

/* relative error 2^-27.07 */
enum { ERF_TERMS = 8 };
static const real ERF_P[ERF_TERMS] = {
    (real)0.128379166,
    (real)0.557042956,
    (real)0.0167123359,
    (real)-0.0527141131,
    (real)-0.00149198493,
    (real)0.00410271622,
    (real)-0.000710987078,
    (real)3.8404025e-05,
};

#elif FBP_BITS == 64
static const real EXP_LOWEST = -745.16787646096918;
static const real EXP_HIGHEST = 709.99065704755196;
static const real GAUSS_LIMIT = 38.603969202711298;
static const real TANH_LIMIT = 19.080609012863896;
static const real ERF_LIMIT = 5.979041857503975;
static const real LOG2_E = 1.4426950408889634;
static const real LN2_HIGH = 0.69314718055966296;
static const real LN2_LOW = 2.8235290563031577e-13;
static const real SQRT_HALF = 0.70710678118654757;
static const real INV_SQRT_2PI = 0.3989422804014327;
static const real SMALLEST_NORMAL = 2.2250738585072014e-308;
static const real DENORMAL_SCALE = 9007199254740992;
static const real DENORMAL_SCALE_LOG2 = 53;

/* relative error 2^-55.61 */
enum { EXPM1_TERMS = 10 };
static const real EXPM1_P[EXPM1_TERMS] = {
    0.50000000000000056,
    0.16666666666666591,
    0.041666666666575945,
    0.008333333333388945,
    0.0013888888931847824,
    0.00019841269721241459,
    2.4801504913876167e-05,
    2.7557404643079155e-06,
    2.7626187991473963e-07,
    2.5054996889797481e-08,
};

/* relative error 2^-59.42 */
enum { LOG1P_TERMS = 10 };
static const real LOG1P_P[LOG1P_TERMS] = {
    0.66666666666666308,
    0.40000000000155095,
    0.28571428548119937,
    0.22222223953549608,
    0.18181744481798665,
    0.15386548346842951,
    0.13301121847898237,
    0.12104942070920401,
    0.083449806861196116,
    0.17009744565398074,
};

/* relative error 2^-57.74 */
enum { TANH_TERMS = 6 };
static const real TANH_P[TANH_TERMS] = {
    -0.33333333333332477,
    0.13333333332778893,
    -0.053968252773552459,
    0.021869370082534232,
    -0.0088572876061294211,
    0.0034445767856138391,
};

/* relative error 2^-60.37 */
enum { ERF_TERMS = 27 };
static const real ERF_P[ERF_TERMS] = {
    0.12837916709551259,
    0.55704230082163331,
    0.016720440616991822,
    -0.052753905631611704,
    -0.0013885000241936048,
    0.0039333219332710525,
    -0.00051917933528431478,
    -0.00011508855260062554,
    8.2785140498973473e-05,
    -2.5465396993935742e-05,
    4.8590290577380073e-07,
    3.3906299924026021e-06,
    -1.4118707891190901e-06,
    -2.2978469300646281e-08,
    3.3653530828696756e-07,
    -2.2665225972868277e-07,
    9.6710107419620666e-08,
    -3.0952359575100666e-08,
    7.8100825586027123e-09,
    -1.5781113600468789e-09,
    2.5527730580771267e-10,
    -3.2690819699442167e-11,
    3.2422731335398e-12,
    -2.4013513139447907e-13,
    1.2491775991391307e-14,
    -4.0671787182665985e-16,
    6.2286856012846858e-18,
};

#endif

#endif
