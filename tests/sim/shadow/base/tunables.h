/*
 * The simulation's tunables: who spins is only in the way of those who do
 * something, so here nobody spins for long. Everything else is as it is.
 */
#ifndef CREW_TESTS_SIM_TUNABLES_H
#define CREW_TESTS_SIM_TUNABLES_H

#include "../../../../src/base/tunables.h"

#undef CREW__SPIN_BALANCED
#define CREW__SPIN_BALANCED 20u
#undef CREW__SPIN_LATENCY
#define CREW__SPIN_LATENCY 200u
#undef CREW__SPIN_INBOX
#define CREW__SPIN_INBOX 2u
#undef CREW__SPIN_INBOX_MUCH
#define CREW__SPIN_INBOX_MUCH 1u
#undef CREW__SPIN_WAIT
#define CREW__SPIN_WAIT 2u
#undef CREW__NAP_AFTER
#define CREW__NAP_AFTER 1u
#undef CREW__NAP_PENDING
#define CREW__NAP_PENDING 2u
#undef CREW__NAP_BATCH
#define CREW__NAP_BATCH 2
#undef CREW__COLLECT_BELOW
#define CREW__COLLECT_BELOW 2u
#undef CREW__COLLECT_EVERY
#define CREW__COLLECT_EVERY 2u
#undef CREW__BACK_OFF_MOST
#define CREW__BACK_OFF_MOST 1u
#undef CREW__SPIN_LOCK
#define CREW__SPIN_LOCK 2u
#undef CREW__PORT_TURN
#define CREW__PORT_TURN 3u
#undef CREW__SPIN_RECEIVE
#define CREW__SPIN_RECEIVE 2u
#undef CREW__MESSAGES_KEPT
#define CREW__MESSAGES_KEPT 3u

#endif
