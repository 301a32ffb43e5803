/* What one thread may work with at a time, whether or not it holds the interpreter's lock. */
#ifndef FBP_CLAIM_H
#define FBP_CLAIM_H

typedef int Claim; /* 0, which memory begins as: nobody's */
enum { CLAIM_FREE = 0, CLAIM_TAKEN = 1, CLAIM_CLOSED = 2 };

/* What it was is returned: CLAIM_FREE if it is the caller's now, who then sees all that those before have written. */
static inline int claim_change(Claim *claim, int to)
{
    int from = CLAIM_FREE;
    __atomic_compare_exchange_n(claim, &from, to, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
    return from;
}
static inline int claim_take(Claim *claim) { return claim_change(claim, CLAIM_TAKEN); }
static inline void claim_give_back(Claim *claim) { __atomic_store_n(claim, CLAIM_FREE, __ATOMIC_RELEASE); }
static inline int claim_close(Claim *claim) { return claim_change(claim, CLAIM_CLOSED); } /* for good */

#endif
