cdef extern from "claim.h" nogil:
    ctypedef int Claim
    enum:
        CLAIM_FREE
        CLAIM_TAKEN
        CLAIM_CLOSED

    int claim_take(Claim* claim)
    void claim_give_back(Claim* claim)
    int claim_close(Claim* claim)
