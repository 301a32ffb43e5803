cdef extern from "claim.h" nogil:
    ctypedef int Claim
    enum:
        CLAIM_FREE
        CLAIM_TAKEN
        CLAIM_CLOSED

    bint claim_take(Claim* claim, int mark)
    void claim_give_back(Claim* claim)
