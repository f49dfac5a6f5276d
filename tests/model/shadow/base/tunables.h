/*
 * Stands before src/base/tunables.h in the models: spinning is one look, and
 * sets are small.
 */
#ifndef CREW_BASE_TUNABLES_H
#define CREW_BASE_TUNABLES_H

#define CREW__WORKERS_MAX        64u
#define CREW__SPIN_INBOX         1u
#define CREW__SPIN_INBOX_MUCH    1u
#define CREW__SPIN_WAIT          1u
#define CREW__SPIN_LOCK          1u
#define CREW__BACK_OFF_MOST      1u
#define CREW__SPIN_RECEIVE       1u
#define CREW__NAP_AFTER          100u /* never: time is not modelled */
#define CREW__NAP_PENDING        100u
#define CREW__NAP_BATCH          8
#define CREW__NAP_NS             1
#define CREW__NAP_OVERSLEPT_MOST 1u
#define CREW__MESSAGE_BYTES      208u
#define CREW__MESSAGES_KEPT      8u
#define CREW__PORT_TURN          2u
#define CREW__LANE_AFTER         1u
#define CREW__LANE_SLOTS         1u
#define CREW__LANE_MOST          1u
#define CREW__LANE_AHEAD         1u
#define CREW__LANE_SPARES        2u

#endif
