# Fetching ahead: memory that will be wanted soon is asked for a few cache lines at a time, between the tiles of a
# product, which leave the way to it idle.

cdef enum:
    CACHE_LINE = 64

ctypedef struct Ahead:
    const char* row             # what comes next is at row + byte
    idx byte
    idx n_rows                  # still to be fetched, this one among them
    idx step                    # bytes from a row to the next
    idx row_bytes
    idx n_lines                 # cache lines to fetch with each tile


# A block of n_rows by n_cols reals, rows `step` reals apart, to be fetched while n_tiles tiles are computed.
cdef inline Ahead block_ahead(const real* data, idx step, idx n_rows, idx n_cols, idx n_tiles) noexcept nogil:
    cdef Ahead ahead
    cdef int n_lines = <int> (n_cols * sizeof(real)) // CACHE_LINE + 2      # a row begins anywhere in its first line
    ahead.row = <const char*> data
    ahead.byte = 0
    ahead.n_rows = n_rows
    ahead.step = step * sizeof(real)
    ahead.row_bytes = n_lines * CACHE_LINE
    ahead.n_lines = <int> n_rows * n_lines // <int> n_tiles + 1
    return ahead


cdef void fetch(Ahead* ahead) noexcept nogil:
    cdef idx n = ahead.n_lines
    while n > 0 and ahead.n_rows > 0:
        vprefetch_far(ahead.row + ahead.byte)
        ahead.byte += CACHE_LINE
        n -= 1
        if ahead.byte == ahead.row_bytes:
            ahead.byte = 0
            ahead.row += ahead.step
            ahead.n_rows -= 1
