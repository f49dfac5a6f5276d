/*
 * Edges
 *   park-token   unpark -> park   what the giver did before is seen.
 */
#include "base/atomic.h"

void crew__park_give(crew__a32 *token)
{
    /* The taker is missing. */
    crew__store_release(token, 1); /* edge:park-token, release */
}
