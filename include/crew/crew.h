/*
 * crew: CPU-bound C off the caller's main loop, on a pool of pinned worker
 * threads. This header includes all the others.
 */
#ifndef CREW_CREW_H
#define CREW_CREW_H

#include <crew/base.h>
#include <crew/buffer.h>
#include <crew/call.h>
#include <crew/environment.h>
#include <crew/exit.h>
#include <crew/group.h>
#include <crew/inbox.h>
#include <crew/lock.h>
#include <crew/pool.h>
#include <crew/port.h>
#include <crew/self.h>
#include <crew/stats.h>
#include <crew/task.h>
#include <crew/trace.h>
#include <crew/worker.h>

#endif
