cdef class Threads:
    cdef bint goes              # all of them could be started: they may begin

    cdef void work(self, int thread) noexcept
    cdef void stop(self) noexcept
    cdef run(self, int n_threads)
    cdef join(self, list ends)
