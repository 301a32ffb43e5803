"""The functions of vmath.pxi by number, as `math_apply` takes them.

dispatch.MATH_FUNCTIONS has the names in this order.
"""

cdef enum:
    MATH_EXP
    MATH_EXPM1
    MATH_LOG
    MATH_TANH
    MATH_SIGMOID
    MATH_SOFTPLUS
    MATH_ERF
    MATH_GAUSS
    N_MATH_FUNCTIONS
