/*
 * The models of one program: runs them all, then with each memory order of the
 * sources made weaker, one at a time; each of these must be found. Those that
 * are not found are listed with the reason.
 */
#ifndef CREW_MODEL_SUITE_H
#define CREW_MODEL_SUITE_H

#include "checker.h"

/* An order that is stronger than the models need. */
struct model_excess {
    const char *function;
    const char *operation;
    unsigned nth;       /* of this operation in the function, from 1 */
    const char *weaker; /* as printed: "acq_rel", "fails acquire" */
    const char *reason;
};

struct model_suite {
    const struct model *models;
    unsigned count;
    const struct model_excess *excess; /* ends with a NULL function */
    bool by_one; /* not further where an order that is weaker by one will do */
    const char *file; /* whose orders are made weaker, by parts of their
                         names; NULL: all */
    /* To find a weaker order: so many executions in order (0: all), then so
     * many at random, of each model. */
    uint64_t limit;
    uint64_t random;
    /* A model that must fail, NULL: none. */
    bool (*must_fail)(const struct model *model);
};

/*
 * Options: a model's name to run it alone; --replay SCHEDULE runs it once and
 * prints each step; --weaker SITE makes one order weaker, in the words of the
 * table; --orders tries the weaker orders alone; --full searches all for each
 * of them, however long that takes. Returns the exit status.
 */
int model_main(const struct model_suite *suite, int argc, char **argv);

#endif
