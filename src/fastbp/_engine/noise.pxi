# What layers draw in training. Each number depends on the seed, the sample and the feature alone (rng.pxd): samples
# 2 i and 2 i + 1 of feature j have the lower and the upper half of random_bits(seed, i * n_features + j), so that the
# words of consecutive samples lie side by side, as in a panel. 24 bits of a word are used: float32 holds them exactly.

from fastbp._engine.rng cimport random_bits, weyl

cdef enum:
    COUNTERS = PANEL // 2 // WORD_VECTORS       # in a vector of words: it has those of twice as many samples


# The mix of rng.pxd, in every lane
cdef inline wvec mix_words(wvec x) noexcept nogil:
    x = (x ^ (x >> 30)) * wsplat(<uint64_t> 0xBF58476D1CE4E5B9)
    x = (x ^ (x >> 27)) * wsplat(<uint64_t> 0x94D049BB133111EB)
    return x ^ (x >> 31)


# What is to be mixed for feature 0 of a panel whose first sample is 2 * first
cdef inline void start_words(uint64_t seed, idx first, idx n_features, wvec* state) noexcept nogil:
    cdef uint64_t lanes[COUNTERS]
    cdef int v, i
    for v in range(WORD_VECTORS):
        for i in range(COUNTERS):
            lanes[i] = seed + weyl(<uint64_t> ((first + v * COUNTERS + i) * n_features + 1))
        state[v] = wload(lanes)


# words OUT (PANEL,): those of one feature; on to the next
cdef inline void next_words(wvec* state, uint32_t* words) noexcept nogil:
    cdef int v
    for v in range(WORD_VECTORS):
        wstore(words + v * 2 * COUNTERS, mix_words(state[v]))
        state[v] = state[v] + wsplat(weyl(1))


# words OUT (LANES,): those of features j, j + 1, ... of sample 0
cdef inline void words_of_row(uint64_t seed, idx j, uint32_t* words) noexcept nogil:
    cdef int i
    for i in range(LANES):
        words[i] = <uint32_t> random_bits(seed, <uint64_t> (j + i))


# 0 with probability limit / 2^24, else scale
cdef inline vec factor_of(const uint32_t* words, vec limit, vec scale) noexcept nogil:
    return vselect(vless(vwords(words), limit), vsplat(0), scale)


# Inverted dropout (Srivastava et al. 2014): one panel, factors and a (n, PANEL) OUT, a = factors * x; factors may be a.
# Also the rate is rounded to 24 bits, so that the mean is kept and every dtype draws the same.
cdef void dropout(uint64_t seed, idx first_sample, double rate, const void* x, idx n, void* factors,
                  void* a) noexcept nogil:
    cdef double limit = floor(rate * 16777216 + 0.5)
    cdef vec zero_below = vsplat(<real> limit)
    cdef vec scale = vsplat(<real> (16777216 / (16777216 - limit)))
    cdef uint32_t words[PANEL]
    cdef wvec state[WORD_VECTORS]
    cdef vec factor
    cdef idx j, begin
    cdef int half
    start_words(seed, first_sample // 2, n, state)
    for j in range(n):
        next_words(state, words)
        for half in range(2):
            begin = j * PANEL + half * LANES
            factor = factor_of(words + half * LANES, zero_below, scale)
            vstore(<real*> factors + begin, factor)
            vstore(<real*> a + begin, factor * vload(<const real*> x + begin))


# The same for sample 0: whole vectors are written, and read
cdef void dropout_row(uint64_t seed, double rate, const void* x, idx n, void* factors, void* a) noexcept nogil:
    cdef double limit = floor(rate * 16777216 + 0.5)
    cdef vec zero_below = vsplat(<real> limit)
    cdef vec scale = vsplat(<real> (16777216 / (16777216 - limit)))
    cdef uint32_t words[LANES]
    cdef real tail[LANES]
    cdef vec factor
    cdef idx j = 0
    while j < n:
        words_of_row(seed, j, words)
        load_tail(tail, <const real*> x + j, min(<idx> LANES, n - j))
        factor = factor_of(words, zero_below, scale)
        vstore(<real*> factors + j, factor)
        vstore(<real*> a + j, factor * vload(tail))
        j += LANES


# A number of the standard normal distribution for each word: its inverse at (word + 1/2) / 2^24, to 1 part in 10^6.
# Wichura 1988, "Algorithm AS 241: The percentage points of the normal distribution", PPND7.
cdef inline vec normal_of(const uint32_t* words) noexcept nogil:
    cdef vec q = (vwords(words) - vsplat(<real> 8388607.5)) * vsplat(<real> 5.9604644775390625e-8)
    cdef vec tail = vsplat(<real> 0.5) - vabs(q)                    # exact, and not 0
    cdef vec r = vfma(-q, q, vsplat(<real> 0.180625))
    cdef vec top = vfma(r, vsplat(<real> 59.109374720), vsplat(<real> 159.29113202))
    cdef vec bottom = vfma(r, vsplat(<real> 67.187563600), vsplat(<real> 78.757757664))
    cdef vec inner, outer
    top = vfma(r, vfma(r, top, vsplat(<real> 50.434271938)), vsplat(<real> 3.3871327179))
    bottom = vfma(r, vfma(r, bottom, vsplat(<real> 17.895169469)), vsplat(1))
    inner = q * top / bottom
    r = vsqrt(-vlog(tail)) - vsplat(<real> 1.6)
    top = vfma(r, vsplat(<real> 0.17023821103), vsplat(<real> 1.3067284816))
    top = vfma(r, vfma(r, top, vsplat(<real> 2.7568153900)), vsplat(<real> 1.4234372777))
    bottom = vfma(r, vfma(r, vsplat(<real> 0.12021132975), vsplat(<real> 0.73700164250)), vsplat(1))
    outer = vnegative_as(top / bottom, q)
    return vselect(vless(tail, vsplat(<real> 0.075)), outer, inner)


# One panel: a (n, PANEL) OUT = x + std * normal
cdef void gaussian_noise(uint64_t seed, idx first_sample, double std, const void* x, idx n, void* a) noexcept nogil:
    cdef vec width = vsplat(<real> std)
    cdef uint32_t words[PANEL]
    cdef wvec state[WORD_VECTORS]
    cdef idx j, begin
    cdef int half
    start_words(seed, first_sample // 2, n, state)
    for j in range(n):
        next_words(state, words)
        for half in range(2):
            begin = j * PANEL + half * LANES
            vstore(<real*> a + begin, vfma(width, normal_of(words + half * LANES), vload(<const real*> x + begin)))


cdef void gaussian_noise_row(uint64_t seed, double std, const void* x, idx n, void* a) noexcept nogil:
    cdef vec width = vsplat(<real> std)
    cdef uint32_t words[LANES]
    cdef real tail[LANES]
    cdef idx j = 0
    while j < n:
        words_of_row(seed, j, words)
        load_tail(tail, <const real*> x + j, min(<idx> LANES, n - j))
        vstore(<real*> a + j, vfma(width, normal_of(words), vload(tail)))
        j += LANES
