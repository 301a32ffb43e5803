"""Random numbers by counter: the n-th number of a stream depends on the seed and n alone, on no state.

SplitMix64 (Steele, Lea & Flood 2014, "Fast splittable pseudorandom number generators"): the finalising mix of
seed + n * golden ratio.
"""

from libc.stdint cimport uint64_t

from fastbp._engine.kernels cimport idx


cdef inline uint64_t mix(uint64_t x) noexcept nogil:
    x = (x ^ (x >> 30)) * <uint64_t> 0xBF58476D1CE4E5B9
    x = (x ^ (x >> 27)) * <uint64_t> 0x94D049BB133111EB
    return x ^ (x >> 31)


cdef inline uint64_t weyl(uint64_t n) noexcept nogil:
    return n * <uint64_t> 0x9E3779B97F4A7C15


cdef inline uint64_t random_bits(uint64_t seed, uint64_t n) noexcept nogil:
    return mix(seed + weyl(n + 1))


cdef inline uint64_t stream(uint64_t seed, uint64_t name) noexcept nogil:
    """The seed of a stream of its own, for epoch `name` say."""
    return mix(mix(seed) + name)


cdef inline uint64_t batch_seed(uint64_t seed, uint64_t n_batches) noexcept nogil:
    """The seed of what is drawn in a batch, when n_batches have gone before: no stream of an epoch's order."""
    return stream(~seed, n_batches)


cdef inline uint64_t below(uint64_t bits, uint64_t n) noexcept nogil:
    """A number in 0 ... n - 1, n < 2^32: the upper half of a product, for a division would cost ten times as much."""
    return ((bits >> 32) * n) >> 32


# order OUT (n,): a permutation of 0 ... n - 1, n <= 2^32 (Fisher & Yates, inside out: row i goes to a place among the
# i + 1 first, and what was there to place i). A word is enough for two rows.
cdef inline void shuffle(idx* order, idx n, uint64_t seed) noexcept nogil:
    cdef uint64_t bits
    cdef idx i
    for i in range(0, n, 2):
        bits = random_bits(seed, <uint64_t> i)
        insert(order, i, bits)
        if i + 1 < n:
            insert(order, i + 1, bits << 32)


cdef inline void insert(idx* order, idx i, uint64_t bits) noexcept nogil:
    cdef idx j = <idx> below(bits, <uint64_t> (i + 1))
    order[i] = order[j]
    order[j] = i
