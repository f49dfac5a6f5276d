#ifndef CREW_TASK_H
#define CREW_TASK_H

/*
 * Whether it ran.
 *
 * Blocks:  never.
 * Threads: any.
 * Since:   0.1
 */
CREW_API int crew_task_ran(void);

#endif
