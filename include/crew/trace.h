/*
 * Where the time of a pool goes, as a file that a trace viewer opens (Perfetto,
 * speedscope, chrome://tracing): a row per worker and per thread that submits
 * or dispatches, a slice per task under its name, arrows from submit to run to
 * done.
 *
 * Costs one predictable branch an event while no trace is taken.
 */
#ifndef CREW_TRACE_H
#define CREW_TRACE_H

#include <crew/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Begins to record what `pool` does. The file is made now, empty, and written
 * by crew_trace_stop, or by crew_pool_destroy where nobody stops it.
 *
 * 32768 events per worker are kept and 65536 of all other threads, of 48 bytes
 * each; the file says how many later ones were dropped. A task makes two events
 * on its worker; its submit, and its `done` two, on the threads where they are
 * called. Names of tasks are copied, 23 bytes of them.
 *
 * Threads: any.
 * Blocks:  for the file system.
 * Errors:  -EINVAL     pool or path is NULL.
 *          -EALREADY   the pool is traced already.
 *          -EBUSY      another thread is inside one of these two.
 *          -ESHUTDOWN  the pool is closing.
 *          -ENOMEM     no memory.
 *          another     the file cannot be made: what open said.
 * Since:   0.1
 */
CREW_API int crew_trace_start(crew_pool *pool, const char *path);

/*
 * Ends the recording and writes the file: Chrome's trace event format, JSON.
 * Tasks that are running are shown up to now.
 *
 * Threads: any.
 * Blocks:  until the file is written.
 * Errors:  -EINVAL     pool is NULL.
 *          -EALREADY   the pool is not traced.
 *          -EBUSY      another thread is inside one of these two.
 *          -ENOMEM     no memory: nothing was written.
 *          another     the file cannot be written, and is not whole.
 * Since:   0.1
 */
CREW_API int crew_trace_stop(crew_pool *pool);

#ifdef __cplusplus
}
#endif

#endif
