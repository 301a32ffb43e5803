"""Work that a few threads share: ordinary Python threads, none of which outlives the call that started it."""

from _thread import allocate_lock, start_new_thread


cdef class Threads:
    """Base class of what threads work on together."""

    cdef void work(self, int thread) noexcept:
        """One thread's part, by its number; without the GIL wherever it takes time."""

    cdef void stop(self) noexcept:
        """Called when a signal's handler has raised: `work` should end soon, if it is not about to anyway."""

    cdef run(self, int n_threads):
        """Run `work` in n_threads threads, this one among them.

        What the handler of a signal raises meanwhile, Ctrl-C for one, is raised when all threads have ended.
        """
        cdef int i
        if n_threads == 1:
            self.work(0)
            return
        gate = allocate_lock()
        gate.acquire()
        ends = []
        self.goes = False
        try:
            for i in range(1, n_threads):
                end = allocate_lock()
                end.acquire()
                start_new_thread(self.follow, (i, gate, end))
                ends.append(end)
            self.goes = True
        finally:
            gate.release()
            if self.goes:
                self.work(0)
            self.join(ends)

    def follow(self, int thread, gate, end):
        """What the other threads run: their work, unless not all of them could be started."""
        with gate:
            pass
        if self.goes:
            self.work(thread)
        end.release()

    cdef join(self, list ends):
        """Wait for the other threads: they use memory that the caller is about to give back."""
        cdef object raised = None
        for end in ends:
            while True:
                try:
                    end.acquire()
                    break
                except BaseException as error:
                    raised = error
                    self.stop()
        if raised is not None:
            raise raised
