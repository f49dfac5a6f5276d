/*
 * Environment data: messages under names that a worker finds without being
 * sent them. A worker begins with what its starter had at that moment; what
 * either sets or removes afterwards, the other does not see. The program's own
 * data is that of all threads that are no worker's, those of pools included.
 * Names that libraries choose are written "library/name".
 *
 * It has nothing to do with the environment of the process (getenv), which
 * the library neither reads for this nor changes.
 */
#ifndef CREW_ENVIRONMENT_H
#define CREW_ENVIRONMENT_H

#include <crew/base.h>
#include <crew/port.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Sets what stands under `key` in the data of the calling thread's worker, or
 * of the program. NULL removes it; removing what is not there is no error.
 *
 * Threads: any.
 * Blocks:  never.
 * Owns:    `key`, the bytes and the tag are copied, buffers are retained, so
 *          all that inherit them share them; the message stays the caller's.
 *          A worker's data goes when it has ended, the program's stays: remove
 *          it before the library is unloaded.
 * Errors:  -EINVAL     key is NULL or empty, the message has ports, or is one
 *                      that crew_post would refuse.
 *          -ENOMEM     no memory; all is as before.
 * Since:   0.1
 */
CREW_API int crew_environment_set(const char *key, const crew_message *message);

/*
 * Gets what stands under `key`: a message of the caller's own, with references
 * of its own to the buffers. The bytes are shared, not copied: read only.
 *
 * Threads: any.
 * Blocks:  never.
 * Owns:    the caller owns *out: crew_message_free.
 * Errors:  -ENOENT     nothing stands there.
 *          -EINVAL     key is NULL or empty, or out is NULL.
 *          -ENOMEM     no memory.
 * Since:   0.1
 */
CREW_API int crew_environment_get(const char *key, crew_message **out);

#ifdef __cplusplus
}
#endif

#endif
