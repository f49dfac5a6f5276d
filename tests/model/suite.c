#include "suite.h"

#include "internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern struct model_site *const __start_crew_sites[] __attribute__((weak));
extern struct model_site *const __stop_crew_sites[] __attribute__((weak));

static const struct model_suite *suite;
static struct model_site **sites;
static unsigned site_count;
static unsigned failures;
static unsigned found_count;
static unsigned kept_count;
static uint64_t excess_met; /* bit n: line n of the table */
static const char *program;
static uint64_t wrong; /* bit n: model n fails as it is */
static bool full;      /* search all, however long that takes */

/* ---- sites ------------------------------------------------------------- */

static int compare(const void *left, const void *right)
{
    const struct model_site *a = *(struct model_site *const *)left;
    const struct model_site *b = *(struct model_site *const *)right;
    int order = strcmp(a->file, b->file);

    if (order)
        return order;
    return a->line != b->line ? a->line - b->line : a < b ? -1 : 1;
}

/* Whether a name contains one of these words. */
static bool has_one_of(const char *name, const char *words)
{
    char word[64];
    int used;

    while (sscanf(words, "%63s%n", word, &used) == 1) {
        if (strstr(name, word))
            return true;
        words += used;
    }
    return false;
}

/* What a model does itself is its own affair. */
static bool is_wanted(const struct model_site *site)
{
    return strstr(site->file, "_model.c") == NULL &&
           (!suite->file || has_one_of(site->file, suite->file));
}

/* Whether a site is one in a header that another source has met already. */
static bool is_met(struct model_site *site)
{
    for (unsigned i = 0; i < site_count; i++) {
        if (sites[i]->line != site->line ||
            strcmp(sites[i]->file, site->file) ||
            strcmp(sites[i]->operation, site->operation) ||
            !strcmp(sites[i]->source, site->source))
            continue;
        site->first = sites[i];
        return true;
    }
    return false;
}

static void collect_sites(void)
{
    if (!__start_crew_sites)
        return;
    sites = malloc((size_t)(__stop_crew_sites - __start_crew_sites + 1) *
                   sizeof *sites);
    if (!sites)
        abort();
    for (struct model_site *const *at = __start_crew_sites;
         at < __stop_crew_sites; at++) {
        if (is_wanted(*at) && !is_met(*at))
            sites[site_count++] = *at;
    }
    qsort(sites, site_count, sizeof *sites, compare);
}

static unsigned nth_of(const struct model_site *site)
{
    unsigned nth = 0;

    for (unsigned i = 0; i < site_count; i++) {
        if (!strcmp(sites[i]->function, site->function) &&
            !strcmp(sites[i]->operation, site->operation))
            nth++;
        if (sites[i] == site)
            break;
    }
    return nth;
}

static const char *base_name(const char *file)
{
    const char *slash = strrchr(file, '/');

    return slash ? slash + 1 : file;
}

/* The orders that are weaker by one. */
static unsigned weaker_than(int order, const char *operation, int out[2])
{
    bool load = !strcmp(operation, "load");
    bool store = !strcmp(operation, "store");

    switch (order) {
    case __ATOMIC_SEQ_CST:
        out[0] = load    ? __ATOMIC_ACQUIRE
                 : store ? __ATOMIC_RELEASE
                         : __ATOMIC_ACQ_REL;
        return 1;
    case __ATOMIC_ACQ_REL:
        out[0] = __ATOMIC_ACQUIRE;
        out[1] = __ATOMIC_RELEASE;
        return 2;
    case __ATOMIC_ACQUIRE:
    case __ATOMIC_RELEASE:
        out[0] = __ATOMIC_RELAXED;
        return 1;
    default:
        return 0;
    }
}

/* ---- one model --------------------------------------------------------- */

static bool must_fail(const struct model *model)
{
    return suite->must_fail && suite->must_fail(model);
}

/* How to see it again; and it must be seen again. `weaker`: NULL, none. */
static bool tell_replay(const struct model *model, const char *weaker,
                        const struct model_result *found)
{
    struct model_result again;

    model_replay(model, found->schedule, false, &again);
    printf("      %s\n      %s %s --replay '%s'", found->error, program,
           model->name, found->schedule);
    if (weaker)
        printf(" --weaker '%s %s %u -> %s'", model_weaker.site->function,
               model_weaker.site->operation, nth_of(model_weaker.site), weaker);
    printf("\n");
    if (!strcmp(again.error, found->error))
        return true;
    printf("FAIL  this schedule gives another end: %s\n", again.error);
    return false;
}

static void run_model(const struct model *model)
{
    struct model_result r;
    bool bad;

    model_check(model, 0, &r);
    bad = (r.error[0] != 0) != must_fail(model);
    printf("%-5s %-24s %9llu executions, %9llu cut, %6.2f s%s\n",
           bad                ? "FAIL"
           : must_fail(model) ? "found"
                              : "ok",
           model->name, (unsigned long long)r.executions,
           (unsigned long long)r.cut, r.seconds,
           model->random       ? ", at random"
           : model->bound >= 0 ? ", bounded"
                               : ", all");
    if (r.error[0] && !tell_replay(model, NULL, &r))
        failures++;
    if (bad)
        failures++;
    if (bad && r.error[0])
        model_replay(model, r.schedule, true, &r);
    fflush(stdout);
}

/* ---- weaker orders ----------------------------------------------------- */

static const struct model_excess *find_excess(const struct model_site *site,
                                              const char *weaker)
{
    const struct model_excess *e = suite->excess;

    for (; e && e->function; e++) {
        if (!strcmp(e->function, site->function) &&
            !strcmp(e->operation, site->operation) && e->nth == nth_of(site) &&
            !strcmp(e->weaker, weaker)) {
            excess_met |= UINT64_C(1) << (e - suite->excess);
            return e;
        }
    }
    return NULL;
}

static bool is_found_by(const struct model *model, struct model_result *r)
{
    struct model random = *model;

    if (must_fail(model))
        return false;
    model_check(model, full ? 0 : suite->limit, r);
    if (r->error[0] || !suite->random || (!r->stopped && model->bound < 0))
        return r->error[0];
    random.random = suite->random;
    model_check(&random, 0, r);
    return r->error[0];
}

static const struct model *find(struct model_result *r)
{
    for (unsigned i = 0; i < suite->count; i++) {
        if (wrong & UINT64_C(1) << i)
            continue;
        if (is_found_by(&suite->models[i], r))
            return &suite->models[i];
    }
    return NULL;
}

/* Whether it was found. */
static bool try_weaker(const struct model_site *site, const char *weaker)
{
    const struct model_excess *excess = find_excess(site, weaker);
    struct model_result r;
    const struct model *by = find(&r);
    bool bad = (by != NULL) == (excess != NULL);

    printf("%-5s %s:%d %s %s %u -> %s",
           bad  ? "FAIL"
           : by ? "found"
                : "kept",
           base_name(site->file), site->line, site->function, site->operation,
           nth_of(site), weaker);
    if (by)
        printf(": %s, %llu executions\n", by->name,
               (unsigned long long)r.executions);
    else
        printf(": %s\n", excess ? excess->reason : "not found");
    if (by && !tell_replay(by, weaker, &r))
        bad = true;
    failures += bad;
    found_count += by != NULL;
    kept_count += by == NULL;
    fflush(stdout);
    return by != NULL;
}

static void weaken(const struct model_site *site, int order, uint32_t *tried)
{
    int weaker[2];
    unsigned count = weaker_than(order, site->operation, weaker);

    for (unsigned i = 0; i < count; i++) {
        if (*tried & UINT32_C(1) << weaker[i])
            continue;
        *tried |= UINT32_C(1) << weaker[i];
        model_weaker.site = site;
        model_weaker.order = weaker[i];
        model_weaker.failure = site->failure;
        if (!try_weaker(site, model_order_name(weaker[i])) && !suite->by_one)
            weaken(site, weaker[i], tried);
    }
}

static void weaken_failure(const struct model_site *site, int failure)
{
    char text[32];
    int weaker[2];

    if (failure < 0 || !weaker_than(failure, "load", weaker))
        return;
    model_weaker.site = site;
    model_weaker.order = site->order;
    model_weaker.failure = weaker[0];
    snprintf(text, sizeof text, "fails %s", model_order_name(weaker[0]));
    if (!try_weaker(site, text) && !suite->by_one)
        weaken_failure(site, weaker[0]);
}

/* A line of the table that nothing met is out of date. */
static void check_table(void)
{
    const struct model_excess *e = suite->excess;

    for (unsigned i = 0; e && e[i].function; i++) {
        if (excess_met & UINT64_C(1) << i)
            continue;
        printf("FAIL  no such site: %s %s %u -> %s\n", e[i].function,
               e[i].operation, e[i].nth, e[i].weaker);
        failures++;
    }
}

/* A model that fails in any case finds nothing. */
static void check_models(void)
{
    struct model_result r;

    for (unsigned i = 0; i < suite->count; i++) {
        if (!is_found_by(&suite->models[i], &r))
            continue;
        printf("FAIL  %s fails as it is\n", suite->models[i].name);
        wrong |= UINT64_C(1) << i;
        failures++;
    }
}

static void run_weaker(void)
{
    check_models();
    for (unsigned i = 0; i < site_count; i++) {
        uint32_t tried = 0;

        weaken(sites[i], sites[i]->order, &tried);
        weaken_failure(sites[i], sites[i]->failure);
    }
    model_weaker.site = NULL;
    check_table();
    printf("%u sites: %u weaker orders found, %u not needed\n", site_count,
           found_count, kept_count);
    if (!found_count)
        failures++;
}

/* ---- options ----------------------------------------------------------- */

static const struct model *find_model(const char *name)
{
    for (unsigned i = 0; i < suite->count; i++) {
        if (!strcmp(suite->models[i].name, name))
            return &suite->models[i];
    }
    fprintf(stderr, "no such model: %s\n", name);
    exit(2);
}

static const int orders[] = {__ATOMIC_RELAXED, __ATOMIC_ACQUIRE,
                             __ATOMIC_RELEASE, __ATOMIC_ACQ_REL};

/* Of `text`, where it names an order. */
static int order_of(const char *text, int otherwise)
{
    for (unsigned i = 0; i < sizeof orders / sizeof orders[0]; i++) {
        if (!strcmp(text, model_order_name(orders[i])))
            return orders[i];
    }
    return otherwise;
}

/* "function operation nth -> order", as printed. */
static void set_weaker(const char *text)
{
    char function[64];
    char operation[16];
    char order[32];
    unsigned nth;
    int n = sscanf(text, "%63s %15s %u -> %31[^\n]", function, operation, &nth,
                   order);

    for (unsigned i = 0; n == 4 && i < site_count; i++) {
        const struct model_site *site = sites[i];
        const char *failure = strncmp(order, "fails ", 6) ? "" : order + 6;

        if (strcmp(site->function, function) ||
            strcmp(site->operation, operation) || nth_of(site) != nth)
            continue;
        model_weaker.site = site;
        model_weaker.order = order_of(order, site->order);
        model_weaker.failure = order_of(failure, site->failure);
        return;
    }
    fprintf(stderr, "no such site: %s\n", text);
    exit(2);
}

static int run_all(bool models, bool weaker)
{
    for (unsigned i = 0; models && i < suite->count; i++)
        run_model(&suite->models[i]);
    if (weaker)
        run_weaker();
    if (failures)
        printf("%u failures\n", failures);
    return failures != 0;
}

int model_main(const struct model_suite *models, int argc, char **argv)
{
    const struct model *only = NULL;
    const char *schedule = NULL;
    bool orders_alone = false;

    suite = models;
    program = argv[0];
    collect_sites();
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--replay") && i + 1 < argc)
            schedule = argv[++i];
        else if (!strcmp(argv[i], "--weaker") && i + 1 < argc)
            set_weaker(argv[++i]);
        else if (!strcmp(argv[i], "--orders"))
            orders_alone = true;
        else if (!strcmp(argv[i], "--full"))
            full = true;
        else
            only = find_model(argv[i]);
    }
    if (only && schedule) {
        struct model_result r;

        model_replay(only, schedule, true, &r);
        return r.error[0] != 0;
    }
    if (only) {
        run_model(only);
        return failures != 0;
    }
    return run_all(!orders_alone, true);
}
