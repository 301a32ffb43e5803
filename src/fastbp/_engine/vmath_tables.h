/* Constants of vmath.pxi. Written by tools/vmath_coefficients.py: change that, not this. */
#ifndef FBP_VMATH_TABLES_H
#define FBP_VMATH_TABLES_H
#include "simd.h"

#if FBP_BITS == 32
static const real EXP_LOWEST = (real)-104.006737;
static const real EXP_HIGHEST = (real)88.9307861;
static const real GAUSS_LIMIT = (real)14.420269;
static const real TANH_LIMIT = (real)9.01992416;
static const real ERF_LIMIT = (real)3.92312503;
static const real LOG2_E = (real)1.44269502;
static const real LN2_HIGH = (real)0.693145752;
static const real LN2_LOW = (real)1.42860677e-06;
static const real SQRT_HALF = (real)0.707106769;
static const real INV_SQRT_2PI = (real)0.398942292;
static const real SMALLEST_NORMAL = (real)1.17549435e-38;
static const real DENORMAL_SCALE = (real)16777216;
static const real DENORMAL_SCALE_LOG2 = (real)24;

/* relative error 2^-26.17 */
enum { EXPM1_P_TERMS = 5 };
static const real EXPM1_P[EXPM1_P_TERMS] = {
    (real)0.49999997,
    (real)0.166665435,
    (real)0.0416671932,
    (real)0.00836659502,
    (real)0.00138831616,
};

/* relative error 2^-25.74 */
enum { LOG1P_P_TERMS = 3 };
static const real LOG1P_P[LOG1P_P_TERMS] = {
    (real)1.14156389,
    (real)0.282976508,
    (real)0.00484962668,
};
enum { LOG1P_D_TERMS = 4 };
static const real LOG1P_D[LOG1P_D_TERMS] = {
    (real)1,
    (real)1.64156377,
    (real)0.770425856,
    (real)0.092879273,
};

/* relative error 2^-25.45 */
enum { TANH_P_TERMS = 4 };
static const real TANH_P[TANH_P_TERMS] = {
    (real)0.133826941,
    (real)0.00349746575,
    (real)2.06359236e-05,
    (real)1.33843674e-08,
};
enum { TANH_D_TERMS = 5 };
static const real TANH_D[TANH_D_TERMS] = {
    (real)1,
    (real)0.467160165,
    (real)0.0258843936,
    (real)0.000328852941,
    (real)7.79029449e-07,
};

/* relative error 2^-25.67 */
enum { ERF_P_TERMS = 5 };
static const real ERF_P[ERF_P_TERMS] = {
    (real)0.168852001,
    (real)0.0467593335,
    (real)0.00334122777,
    (real)0.000252450904,
    (real)1.81452322e-06,
};
enum { ERF_D_TERMS = 6 };
static const real ERF_D[ERF_D_TERMS] = {
    (real)0.886226952,
    (real)0.445049644,
    (real)0.101169333,
    (real)0.0132742636,
    (real)0.00103104545,
    (real)3.37329293e-05,
};

#elif FBP_BITS == 64
static const real EXP_LOWEST = (real)-745.16787646096918;
static const real EXP_HIGHEST = (real)709.99065704755196;
static const real GAUSS_LIMIT = (real)38.603969202711298;
static const real TANH_LIMIT = (real)19.080609012863896;
static const real ERF_LIMIT = (real)5.9275087829903015;
static const real LOG2_E = (real)1.4426950408889634;
static const real LN2_HIGH = (real)0.69314718055966296;
static const real LN2_LOW = (real)2.8235290563031577e-13;
static const real SQRT_HALF = (real)0.70710678118654757;
static const real INV_SQRT_2PI = (real)0.3989422804014327;
static const real SMALLEST_NORMAL = (real)2.2250738585072014e-308;
static const real DENORMAL_SCALE = (real)9007199254740992;
static const real DENORMAL_SCALE_LOG2 = (real)53;

/* relative error 2^-55.61 */
enum { EXPM1_P_TERMS = 10 };
static const real EXPM1_P[EXPM1_P_TERMS] = {
    (real)0.50000000000000056,
    (real)0.16666666666666591,
    (real)0.041666666666575966,
    (real)0.0083333333333890525,
    (real)0.0013888888931845348,
    (real)0.00019841269720969449,
    (real)2.4801504915471712e-05,
    (real)2.7557404892645885e-06,
    (real)2.7626187655891563e-07,
    (real)2.5054919692588502e-08,
};

/* relative error 2^-57.48 */
enum { LOG1P_P_TERMS = 7 };
static const real LOG1P_P[LOG1P_P_TERMS] = {
    (real)3.0738053966499632,
    (real)3.6390585192425591,
    (real)2.0802711641787415,
    (real)0.58769258585908291,
    (real)0.074401679674253485,
    (real)0.0031117647495947196,
    (real)8.9467511388668434e-06,
};
enum { LOG1P_D_TERMS = 8 };
static const real LOG1P_D[LOG1P_D_TERMS] = {
    (real)1,
    (real)3.5738053966499632,
    (real)5.0926278842342061,
    (real)3.6853166407458473,
    (real)1.4262596273165538,
    (real)0.28415517147945873,
    (real)0.02535014797024282,
    (real)0.00069489487040007541,
};

/* relative error 2^-57.98 */
enum { TANH_P_TERMS = 9 };
static const real TANH_P[TANH_P_TERMS] = {
    (real)0.15268170729317482,
    (real)0.0061067296427476788,
    (real)9.8686998755248003e-05,
    (real)7.5937680009159454e-07,
    (real)2.95799554410376e-09,
    (real)5.8096604199714123e-12,
    (real)5.3664235812798001e-15,
    (real)1.9598005459214386e-18,
    (real)1.8155022593441365e-22,
};
enum { TANH_D_TERMS = 11 };
static const real TANH_D[TANH_D_TERMS] = {
    (real)1,
    (real)0.48601504062650813,
    (real)0.0347784098515838,
    (real)0.00085773883400265289,
    (real)9.4456166906422001e-06,
    (real)5.1545029454032055e-08,
    (real)1.4317961783281632e-10,
    (real)1.9550227503722876e-13,
    (real)1.1719636097088763e-16,
    (real)2.3572469533070978e-20,
    (real)6.7227152747612225e-25,
};

/* relative error 2^-57.26 */
enum { ERF_P_TERMS = 12 };
static const real ERF_P[ERF_P_TERMS] = {
    (real)0.1975901401598254,
    (real)0.059350120088121294,
    (real)0.0063017589202739926,
    (real)0.00078888673673477825,
    (real)5.389353708251451e-05,
    (real)3.7733760558387699e-06,
    (real)1.7068228792506914e-07,
    (real)7.1544783874283322e-09,
    (real)1.9647293565268835e-10,
    (real)4.382324667825313e-12,
    (real)3.9832679297081826e-14,
    (real)6.6980259718519313e-17,
};
enum { ERF_D_TERMS = 14 };
static const real ERF_D[ERF_D_TERMS] = {
    (real)0.88622692545275805,
    (real)0.47051867756454135,
    (real)0.12081454109384554,
    (real)0.019905075456601848,
    (real)0.002352626933565367,
    (real)0.00021105685230165907,
    (real)1.4808626550807498e-05,
    (real)8.2324341346024747e-07,
    (real)3.6190666779860166e-08,
    (real)1.2325721104303603e-09,
    (real)3.0792294383451332e-11,
    (real)4.9361227850730008e-13,
    (real)2.1269468247313043e-15,
    (real)9.395222781450387e-19,
};

#endif

#endif
