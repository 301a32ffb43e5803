# What the machine could do: multiply-adds on registers alone, against which benchmarks hold everything else.


# 12 independent chains, enough to fill two pipelines of latency 4 to 6; out INOUT (2, LANES)
cdef void fma_loop(idx n_rounds, void* out) noexcept nogil:
    cdef real* numbers = <real*> out
    cdef vec factor = vload(numbers)
    cdef vec term = vload(numbers + LANES)
    cdef vec acc[12]
    cdef idx round
    cdef int i
    for i in range(12):
        acc[i] = vsplat(<real> i)
    for round in range(n_rounds):
        for i in range(12):
            acc[i] = vfma(acc[i], factor, term)
    for i in range(1, 12):
        acc[0] = acc[0] + acc[i]
    vstore(numbers, acc[0])
