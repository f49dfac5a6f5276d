#include "budget.h"

bool budget_take(struct budget *budget, uint64_t bytes)
{
    if (budget->images > 0 &&
        (budget->images >= budget->max_images || bytes > budget->max_bytes ||
         budget->bytes > budget->max_bytes - bytes))
        return false;
    budget->images++;
    budget->bytes += bytes;
    return true;
}

void budget_give(struct budget *budget, uint64_t bytes)
{
    budget->images--;
    budget->bytes -= bytes;
}
