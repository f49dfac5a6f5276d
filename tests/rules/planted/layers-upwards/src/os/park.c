#include "runtime/inbox.h"
