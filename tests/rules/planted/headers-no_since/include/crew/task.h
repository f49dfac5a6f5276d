#ifndef CREW_TASK_H
#define CREW_TASK_H

/*
 * Whether it ran.
 *
 * Threads: any.
 */
CREW_API int crew_task_ran(void);

#endif
