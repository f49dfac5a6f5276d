/*
 * Google Benchmark for C. Nothing here runs inside a measured loop: the count
 * is fetched by asking for all iterations as one batch (KeepRunningBatch),
 * which starts the clock; asking again stops it.
 */
#include "run.h"

#include <benchmark/benchmark.h>

#include <atomic>
#include <string>
#include <vector>

namespace
{
std::atomic<bool> failed; /* some result is an error */

benchmark::State &state_of(const crew_bench *b)
{
    return *static_cast<benchmark::State *>(b->state);
}

/* Locks the state while it lives. */
class Turn
{
  public:
    explicit Turn(const crew_bench *b) : b(b)
    {
        crew_bench_party_lock(b);
    }
    ~Turn()
    {
        crew_bench_party_unlock(b);
    }
    Turn(const Turn &) = delete;
    Turn &operator=(const Turn &) = delete;

  private:
    const crew_bench *b;
};

void run_workers(crew_bench *b)
{
    benchmark::State &state = state_of(b);
    int64_t ns;

    if (!state.KeepRunningBatch(state.max_iterations))
        return;
    b->count = state.max_iterations;
    ns = crew_bench_party_run(b);
    if (ns < 0)
        state.SkipWithError(crew_strerror(static_cast<int>(ns)));
    else
        state.SetIterationTime(static_cast<double>(ns) * 1e-9);
    state.KeepRunningBatch(state.max_iterations);
}

void run_case(const crew_bench_case *of, benchmark::State &state)
{
    crew_bench b = {};

    b.of = of;
    b.state = &state;
    b.index = static_cast<unsigned>(state.thread_index());
    b.threads = static_cast<unsigned>(state.threads());
    if (of->workers_first) {
        b.index = 0;
        b.threads = static_cast<unsigned>(
            crew_bench_arg(&b, of->args || of->first || of->last
                                   ? (of->arg_width ? of->arg_width : 1)
                                   : 0));
        run_workers(&b);
    } else {
        of->run(&b);
        crew_bench_end(&b);
    }
    if (state.error_occurred())
        failed = true;
}

/* first, the powers of factor between, last. */
std::vector<int64_t> steps(int64_t first, int64_t last, int64_t factor)
{
    std::vector<int64_t> all;

    all.push_back(first);
    for (int64_t i = 1; i < last; i *= factor)
        if (i > first)
            all.push_back(i);
    if (last > first)
        all.push_back(last);
    return all;
}

std::vector<std::vector<int64_t>> sets_of(const crew_bench_case *of)
{
    std::vector<std::vector<int64_t>> sets;
    unsigned width = of->arg_width ? of->arg_width : 1;

    if (of->args) {
        for (unsigned i = 0; i < of->arg_sets; i++) {
            const int64_t *set = of->args + i * width;

            sets.emplace_back(set, set + width);
        }
    } else if (of->first || of->last) {
        for (int64_t i :
             steps(of->first, of->last, of->factor > 1 ? of->factor : 8))
            sets.push_back({i});
    }
    return sets;
}

/* On workers their number is one more argument. */
std::vector<std::vector<int64_t>>
with_workers(const crew_bench_case *of, std::vector<std::vector<int64_t>> sets)
{
    std::vector<std::vector<int64_t>> all;
    int64_t last = of->workers_last;

    if (last < 0)
        last = crew_bench_party_most();
    if (sets.empty())
        sets.emplace_back();
    for (const auto &set : sets) {
        for (int64_t workers : steps(of->workers_first, last, 2)) {
            all.push_back(set);
            all.back().push_back(workers);
        }
    }
    return all;
}

std::vector<std::string> names_of(const crew_bench_case *of, size_t width)
{
    std::vector<std::string> names(width);

    for (size_t i = 0; i < width && i < 4; i++)
        if (of->arg_names[i])
            names[i] = of->arg_names[i];
    if (of->workers_first)
        names.back() = "workers";
    return names;
}

void set_args(benchmark::internal::Benchmark *it, const crew_bench_case *of)
{
    std::vector<std::vector<int64_t>> sets = sets_of(of);

    if (of->workers_first)
        sets = with_workers(of, sets);
    if (sets.empty())
        return;
    it->ArgNames(names_of(of, sets[0].size()));
    for (const auto &set : sets)
        it->Args(set);
}

void set_clock(benchmark::internal::Benchmark *it, const crew_bench_case *of)
{
    if (of->workers_first || of->clock == CREW_BENCH_MANUAL)
        it->UseManualTime();
    else if (of->clock == CREW_BENCH_WALL)
        it->UseRealTime();
    else if (of->clock == CREW_BENCH_PROCESS)
        it->MeasureProcessCPUTime();
    it->Unit(static_cast<benchmark::TimeUnit>(of->unit));
}

void set_length(benchmark::internal::Benchmark *it, const crew_bench_case *of)
{
    if (of->threads_first)
        it->ThreadRange(of->threads_first, of->threads_last
                                               ? of->threads_last
                                               : of->threads_first);
    if (of->iterations)
        it->Iterations(of->iterations);
    else if (of->min_time)
        it->MinTime(static_cast<double>(of->min_time) * 1e-9);
    if (of->repetitions)
        it->Repetitions(of->repetitions);
}

void add_counter(crew_bench *b, const char *name, double value,
                 benchmark::Counter::Flags flags,
                 benchmark::Counter::OneK k = benchmark::Counter::kIs1000)
{
    Turn turn(b);
    auto &counters = state_of(b).counters;

    /* Each thread has its own, which are added; workers share one. */
    if (b->party && counters.count(name))
        value += counters[name].value;
    counters[name] = benchmark::Counter(value, flags, k);
}
} // namespace

void crew_bench_add(const crew_bench_case *cases)
{
    static_assert(int(CREW_BENCH_S) == int(benchmark::kSecond), "units");
    for (const crew_bench_case *of = cases; of->name; of++) {
        auto *it = benchmark::RegisterBenchmark(
            of->name, [of](benchmark::State &state) { run_case(of, state); });

        set_args(it, of);
        set_clock(it, of);
        set_length(it, of);
    }
}

void crew_bench_context(const char *key, const char *value)
{
    benchmark::AddCustomContext(key, value);
}

int crew_bench_main(int argc, char **argv)
{
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv))
        return 1;
    benchmark::RunSpecifiedBenchmarks();
    benchmark::Shutdown();
    return failed;
}

int64_t crew_bench_count(crew_bench *b)
{
    if (b->counted || b->skipped)
        return 0;
    b->counted = true;
    if (b->party) {
        crew_bench_party_start(b);
        return b->count;
    }
    b->count = state_of(b).max_iterations;
    if (!state_of(b).KeepRunningBatch(b->count))
        b->count = 0;
    return b->count;
}

void crew_bench_end(crew_bench *b)
{
    if (b->ended)
        return;
    b->ended = true;
    if (b->party)
        crew_bench_party_end(b);
    else if (b->counted)
        state_of(b).KeepRunningBatch(b->count);
}

void crew_bench_pause(crew_bench *b)
{
    if (!b->party && b->counted && !b->ended)
        state_of(b).PauseTiming();
}

void crew_bench_resume(crew_bench *b)
{
    if (!b->party && b->counted && !b->ended)
        state_of(b).ResumeTiming();
}

void crew_bench_time(crew_bench *b, double ns)
{
    if (!b->party)
        state_of(b).SetIterationTime(ns * 1e-9);
}

int64_t crew_bench_arg(const crew_bench *b, unsigned index)
{
    unsigned width = b->of->arg_width ? b->of->arg_width : 1;

    if (!b->of->args && !b->of->first && !b->of->last)
        width = 0;
    return index < width + (b->of->workers_first != 0)
               ? state_of(b).range(index)
               : 0;
}

const void *crew_bench_data(const crew_bench *b)
{
    return b->of->data;
}

unsigned crew_bench_index(const crew_bench *b)
{
    return b->index;
}

unsigned crew_bench_threads(const crew_bench *b)
{
    return b->threads;
}

void crew_bench_set(crew_bench *b, const char *name, double value)
{
    add_counter(b, name, value, benchmark::Counter::kDefaults);
}

void crew_bench_items(crew_bench *b, int64_t per_iteration)
{
    add_counter(b, "items_per_second",
                static_cast<double>(per_iteration * b->count),
                benchmark::Counter::kIsRate);
}

void crew_bench_bytes(crew_bench *b, int64_t per_iteration)
{
    add_counter(b, "bytes_per_second",
                static_cast<double>(per_iteration * b->count),
                benchmark::Counter::kIsRate, benchmark::Counter::kIs1024);
}

void crew_bench_label(crew_bench *b, const char *text)
{
    Turn turn(b);

    state_of(b).SetLabel(text);
}

void crew_bench_skip(crew_bench *b, const char *text)
{
    Turn turn(b);

    b->skipped = true;
    state_of(b).SkipWithError(text);
}
