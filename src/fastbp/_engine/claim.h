/* What one thread may work with at a time, whether or not it holds the interpreter's lock. */
#ifndef FBP_CLAIM_H
#define FBP_CLAIM_H

typedef int Claim; /* the mark of the process that has it; 0, which memory begins as: nobody */

/* What an attempt may come to: it was free and is the caller's; somebody has it; nobody is to have it again. */
enum { CLAIM_FREE = 0, CLAIM_TAKEN = 1, CLAIM_CLOSED = 2 };

/* Whether it is the caller's now, who then sees all that those before have written. A child that was forked has another
 * mark: what a thread of its parent's has claimed, which is not in the child, is free there.
 */
static inline int claim_take(Claim *claim, int mark)
{
    int found = __atomic_load_n(claim, __ATOMIC_RELAXED);
    while (found != mark)
        if (__atomic_compare_exchange_n(claim, &found, mark, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
            return 1;
    return 0;
}
static inline void claim_give_back(Claim *claim) { __atomic_store_n(claim, 0, __ATOMIC_RELEASE); }

#endif
