#include "base/atomic.h"

void crew__park_give(crew__a32 *token)
{
    crew__store_release(token, 1); /* edge:park-token, release */
}

unsigned crew__park_take(crew__a32 *token)
{
    return crew__exchange_acquire(token, 0); /* edge:park-token, acquire */
}
