#include "stop.h"

#include <signal.h>

bool stop_wanted(crew_self *self)
{
    sigset_t waiting;

    if (self)
        return crew_self_canceled(self) != 0;
    if (sigpending(&waiting) < 0)
        return false;
    return sigismember(&waiting, SIGINT) == 1 ||
           sigismember(&waiting, SIGTERM) == 1;
}
