#include "runtime/placement.h"

#include "base/tunables.h"

#include <errno.h>

/* A usable CPU while a plan is made; how many places have been given out that
 * share with it. */
struct place {
    struct crew__seat seat;
    bool given;
    bool kept; /* on the core that is kept free */
    int on_core;
    int on_l3;
    int on_node;
    int on_package;
};

struct places {
    unsigned count;
    unsigned next_core; /* the number of the next unknown CPU's core */
    struct place *at;   /* ordered by the OS's number */
};

/* ---- what is usable ---------------------------------------------------- */

static struct crew__seat seat_for(const struct crew__topology *topology,
                                  unsigned os)
{
    const struct crew__cpu *cpu = crew__topology_find(topology, os);
    struct crew__seat seat = {.pinned = true, .known = cpu != NULL};

    if (cpu)
        seat.cpu = *cpu;
    else
        seat.cpu.os = os;
    return seat;
}

/* A CPU that nothing is known about is a core of its own. */
static void add_place(struct places *places,
                      const struct crew__topology *topology, unsigned os)
{
    struct place *place = &places->at[places->count++];

    place->seat = seat_for(topology, os);
    if (!place->seat.known)
        place->seat.cpu.core = places->next_core++;
}

/* Without a mask all that the machine has is taken for usable. */
static int find_places(struct places *places,
                       const struct crew__topology *topology,
                       const struct crew__cpuset *usable)
{
    size_t most = usable ? crew__cpuset_count(usable) : topology->count;

    *places = (struct places){.next_core = topology->cores};
    places->at = crew__memory_zero((most + 1) * sizeof places->at[0]);
    if (!places->at)
        return -ENOMEM;
    for (unsigned i = 0; !usable && i < topology->count; i++)
        add_place(places, topology, topology->cpus[i].os);
    for (unsigned i = 0; usable && i < CREW__CPUS / 64; i++) {
        for (uint64_t word = usable->words[i]; word; word &= word - 1)
            add_place(places, topology,
                      i * 64 + (unsigned)__builtin_ctzll(word));
    }
    return 0;
}

/* Counts the places before which no other one has their core. */
static unsigned count_cores(const struct places *places)
{
    unsigned cores = 0;

    for (unsigned i = 0; i < places->count; i++) {
        unsigned j = 0;

        while (places->at[j].seat.cpu.core != places->at[i].seat.cpu.core)
            j++;
        cores += i == j;
    }
    return cores;
}

/* A thread may have left its CPU, even its mask, since it was asked: then the
 * first core is as good as any. */
static void reserve_core(struct places *places,
                         struct crew__placement_plan *plan, int caller_cpu)
{
    const struct crew__cpu *caller = &places->at[0].seat.cpu;

    for (unsigned i = 0; i < places->count; i++) {
        if ((int)places->at[i].seat.cpu.os == caller_cpu)
            caller = &places->at[i].seat.cpu;
    }
    for (unsigned i = 0; i < places->count; i++)
        places->at[i].kept = places->at[i].seat.cpu.core == caller->core;
    plan->reserved = true;
    plan->reserved_cpu = caller->os;
}

/* ---- how many ---------------------------------------------------------- */

static void count_by_machine(struct crew__placement_plan *plan)
{
    unsigned quota = plan->quota_cpus > 0 ? (unsigned)plan->quota_cpus : 0;

    plan->workers = plan->cores;
    plan->limit = CREW__LIMIT_CORES;
    if (plan->quota_cpus < 0) {
        plan->workers = 1;
        plan->limit = CREW__LIMIT_UNREAD;
    } else if (quota > 0 && quota < plan->workers) {
        plan->workers = quota;
        plan->limit = CREW__LIMIT_QUOTA;
    }
    if (plan->reserved && plan->workers > 1)
        plan->workers--;
    if (plan->workers == 0)
        plan->workers = 1;
    if (plan->workers > CREW__WORKERS_MAX) {
        plan->workers = CREW__WORKERS_MAX;
        plan->limit = CREW__LIMIT_MOST;
    }
}

static void count_workers(struct crew__placement_plan *plan, unsigned asked)
{
    if (asked == 0) {
        count_by_machine(plan);
        return;
    }
    plan->workers = asked;
    plan->limit = CREW__LIMIT_OPTION;
}

/* ---- in which order ---------------------------------------------------- */

#define KEYS 5

/* The lower the better, the first key first. */
static void rate(const struct place *place, crew_placement placement,
                 int keys[KEYS])
{
    bool compact = placement == CREW_PLACE_COMPACT;
    int sign = compact ? -1 : 1;
    int slowness = -(int)place->seat.cpu.kind;

    keys[0] = compact ? slowness : place->on_core;
    keys[1] = compact ? -place->on_core : slowness;
    keys[2] = sign * place->on_l3;
    keys[3] = sign * place->on_node;
    keys[4] = sign * place->on_package;
}

static bool is_better(const struct place *a, const struct place *b,
                      crew_placement placement)
{
    int x[KEYS];
    int y[KEYS];

    rate(a, placement, x);
    rate(b, placement, y);
    for (unsigned i = 0; i < KEYS; i++) {
        if (x[i] != y[i])
            return x[i] < y[i];
    }
    return false;
}

/* NULL: all have been given out. */
static struct place *pick(struct places *places, crew_placement placement)
{
    struct place *best = NULL;

    for (unsigned i = 0; i < places->count; i++) {
        struct place *place = &places->at[i];

        if (place->given || place->kept)
            continue;
        if (!best || is_better(place, best, placement))
            best = place;
    }
    return best;
}

static void give(struct places *places, struct place *given)
{
    const struct crew__cpu *cpu = &given->seat.cpu;

    given->given = true;
    for (unsigned i = 0; i < places->count; i++) {
        struct place *place = &places->at[i];

        place->on_core += place->seat.cpu.core == cpu->core;
        place->on_l3 += place->seat.cpu.l3 == cpu->l3;
        place->on_node += place->seat.cpu.node == cpu->node;
        place->on_package += place->seat.cpu.package == cpu->package;
    }
}

/* When all places have been given out the order begins again. */
static void fill_seats(struct crew__placement_plan *plan, struct places *places,
                       crew_placement placement)
{
    unsigned given = 0;

    while (given < plan->workers) {
        struct place *place = pick(places, placement);

        if (!place)
            break;
        plan->seats[given++] = place->seat;
        give(places, place);
    }
    for (unsigned i = given; given && i < plan->workers; i++)
        plan->seats[i] = plan->seats[i - given];
}

/* ---- a list ------------------------------------------------------------ */

/* The entries in the order in which they are written. */
struct list {
    unsigned count;
    unsigned cpus[CREW__CPUS];
    struct crew__cpuset seen;
};

static int parse_number(const char **at, unsigned *out)
{
    const char *p = *at;
    unsigned n = 0;

    if (*p < '0' || *p > '9')
        return -EINVAL;
    for (; *p >= '0' && *p <= '9'; p++) {
        n = n * 10 + (unsigned)(*p - '0');
        if (n >= CREW__CPUS)
            return -EINVAL;
    }
    *at = p;
    *out = n;
    return 0;
}

static int add_entry(struct list *list, unsigned cpu,
                     const struct crew__cpuset *usable)
{
    if (crew__cpuset_has(&list->seen, cpu))
        return -EINVAL;
    if (usable && !crew__cpuset_has(usable, cpu))
        return -EINVAL;
    crew__cpuset_add(&list->seen, cpu);
    list->cpus[list->count++] = cpu;
    return 0;
}

/* "7" or "2-5". */
static int parse_entry(struct list *list, const char **at,
                       const struct crew__cpuset *usable)
{
    unsigned first = 0;
    unsigned last;
    int r;

    r = parse_number(at, &first);
    last = first;
    if (r == 0 && **at == '-') {
        ++*at;
        r = parse_number(at, &last);
    }
    if (r < 0 || last < first)
        return -EINVAL;
    for (unsigned cpu = first; r == 0 && cpu <= last; cpu++)
        r = add_entry(list, cpu, usable);
    return r;
}

static int parse_list(struct list *list, const char *text,
                      const struct crew__cpuset *usable)
{
    int r;

    for (;;) {
        r = parse_entry(list, &text, usable);
        if (r < 0)
            return r;
        if (*text == '\0')
            return 0;
        if (*text++ != ',')
            return -EINVAL;
    }
}

static int count_by_list(struct crew__placement_plan *plan,
                         const struct list *list, unsigned asked)
{
    plan->workers = asked ? asked : list->count;
    plan->limit = asked ? CREW__LIMIT_OPTION : CREW__LIMIT_LIST;
    if (plan->workers > list->count || plan->workers > CREW__WORKERS_MAX)
        return -EINVAL;
    return 0;
}

/* ---- the plan ---------------------------------------------------------- */

static int check(const struct crew__placement_request *request)
{
    if (request->workers > CREW__WORKERS_MAX)
        return -EINVAL;
    if ((unsigned)request->placement > CREW_PLACE_NONE)
        return -EINVAL;
    if (request->list && (request->placement != CREW_PLACE_SPREAD ||
                          request->reserve_caller_core))
        return -EINVAL;
    return 0;
}

static void begin(struct crew__placement_plan *plan,
                  const struct crew__topology *topology,
                  const struct crew__placement_request *request,
                  const struct places *places)
{
    *plan = (struct crew__placement_plan){
        .known = topology->known,
        .masked = request->usable != NULL,
        .quota_cpus = request->quota_cpus,
        .cores = count_cores(places),
        .cores_all = places->next_core,
    };
    if (request->usable)
        plan->usable = *request->usable;
}

static int make_seats(struct crew__placement_plan *plan)
{
    plan->seats = crew__memory_zero(plan->workers * sizeof plan->seats[0]);
    return plan->seats ? 0 : -ENOMEM;
}

static int make_from_list(struct crew__placement_plan *plan,
                          const struct crew__topology *topology,
                          const struct crew__placement_request *request)
{
    struct list *list = crew__memory_zero(sizeof *list);
    int r;

    if (!list)
        return -ENOMEM;
    r = parse_list(list, request->list, request->usable);
    if (r == 0)
        r = count_by_list(plan, list, request->workers);
    if (r == 0)
        r = make_seats(plan);
    for (unsigned i = 0; r == 0 && i < plan->workers; i++)
        plan->seats[i] = seat_for(topology, list->cpus[i]);
    crew__memory_free(list);
    return r;
}

static int make_by_order(struct crew__placement_plan *plan,
                         const struct crew__placement_request *request,
                         struct places *places)
{
    int r;

    if (request->reserve_caller_core && plan->cores > 1)
        reserve_core(places, plan, request->caller_cpu);
    count_workers(plan, request->workers);
    r = make_seats(plan);
    if (r == 0 && plan->masked && request->placement != CREW_PLACE_NONE)
        fill_seats(plan, places, request->placement);
    return r;
}

int crew__placement_make(struct crew__placement_plan *out,
                         const struct crew__topology *topology,
                         const struct crew__placement_request *request)
{
    struct crew__placement_plan plan;
    struct places places;
    int r;

    r = check(request);
    if (r < 0)
        return r;
    r = find_places(&places, topology, request->usable);
    if (r < 0)
        return r;
    begin(&plan, topology, request, &places);
    if (request->list)
        r = make_from_list(&plan, topology, request);
    else
        r = make_by_order(&plan, request, &places);
    crew__memory_free(places.at);
    if (r == 0)
        *out = plan;
    return r;
}

void crew__placement_fini(struct crew__placement_plan *plan)
{
    crew__memory_free(plan->seats);
    plan->seats = NULL;
}

/* ---- whom to steal from ------------------------------------------------ */

/* 0: the same CPU ... 5: another package. Who is not pinned is anywhere, and
 * CPUs that nothing is known about are all alike. */
#define DISTANCES 6u

static unsigned distance(const struct crew__seat *a, const struct crew__seat *b)
{
    if (!a->pinned || !b->pinned)
        return DISTANCES - 1;
    if (a->cpu.os == b->cpu.os)
        return 0;
    if (!a->known || !b->known)
        return DISTANCES - 1;
    if (a->cpu.core == b->cpu.core)
        return 1;
    if (a->cpu.l3 == b->cpu.l3)
        return 2;
    if (a->cpu.node == b->cpu.node)
        return 3;
    return a->cpu.package == b->cpu.package ? 4 : 5;
}

void crew__placement_steal_order(const struct crew__placement_plan *plan,
                                 unsigned worker, unsigned *order)
{
    const struct crew__seat *self = &plan->seats[worker];
    unsigned next[DISTANCES + 1] = {0}; /* where the next so far away goes */

    for (unsigned other = 0; other < plan->workers; other++) {
        if (other != worker)
            next[distance(self, &plan->seats[other]) + 1]++;
    }
    for (unsigned i = 1; i < DISTANCES; i++)
        next[i] += next[i - 1];
    for (unsigned step = 1; step < plan->workers; step++) {
        unsigned other = (worker + step) % plan->workers;

        order[next[distance(self, &plan->seats[other])]++] = other;
    }
}
