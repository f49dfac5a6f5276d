/*
 * Constants that a person might tune: each with its unit, its reason, and the
 * bench that moves it.
 */
#ifndef CREW_BASE_TUNABLES_H
#define CREW_BASE_TUNABLES_H

/* Workers of one pool at most: the contract's bound. */
#define CREW__WORKERS_MAX 1024u

/* Tasks that a worker takes from the lists at once. 16 pointers are two cache
 * lines; what waits behind a slow task is stolen one by one. */
#define CREW__RING_SIZE 16u

/* Starts in a row after which the oldest lower task goes, and after which a
 * worker looks at mailbox and lists before its own ring: the contract's
 * bound. */
#define CREW__BOUND 64u

/* While so many tasks are listed, or for so many takes in a row, a worker that
 * comes for tasks leaves what has arrived where it is: four full shares for two
 * workers. More takes in a row would make the lock's time long when all of it
 * comes in at once. */
#define CREW__COLLECT_BELOW 64u
#define CREW__COLLECT_EVERY 4u

/* How long an idle worker looks before it sleeps, in rounds of relax. One
 * wake of a sleeping thread costs 20 us on a virtual machine; looking for
 * about as long at most doubles that price (the ski rental argument). */
#define CREW__SPIN_BALANCED 400u
#define CREW__SPIN_LATENCY  20000u

/* How long a thread that is no worker looks before it sleeps in a wait for a
 * task or a group, in rounds of relax. */
#define CREW__SPIN_WAIT 200u

/* How long crew_inbox_wait looks before it sleeps, in rounds of relax: about as
 * long as a wake takes where little is outstanding, so that the answer to one
 * task of 10 us needs none (23 -> 13 us there and back); a moment where much
 * is, as then the core is better given to a worker. */
#define CREW__SPIN_INBOX      1200u
#define CREW__SPIN_INBOX_MUCH 200u

/* The owner of an inbox that waits naps, instead of looking or being woken for
 * each, while completions come without end: its looks have found something so
 * many times in a row, at least so many are outstanding, and each nap brings at
 * least so many. A nap, in ns, is about two wakes long; network drivers poll
 * under load for the same reason. */
#define CREW__NAP_AFTER          8u
#define CREW__NAP_PENDING        64u
#define CREW__NAP_BATCH          8
#define CREW__NAP_NS             50000
/* Naps in a row that brought all that was outstanding double the looks before
 * the next so often at most. (Without that a hundred empty tasks, again and
 * again, took 130 us instead of 30.) */
#define CREW__NAP_OVERSLEPT_MOST 7u

/* How long, in ns, a wait on a word of the program's sleeps at a time where it
 * can be canceled and the kernel cannot wait for two words (before 5.16, or
 * under a filter): a cancel comes so late at most, and 100 looks a second cost
 * a thousandth of a core. */
#define CREW__WORD_SLICE_NS 10000000

/* Who backs off the n-th time lets 2^n - 1 rounds of relax go by, n being this
 * at most: about a microsecond. */
#define CREW__BACK_OFF_MOST 5u

/* How often a small lock is tried before its waiter sleeps: it is held for
 * tens of nanoseconds. */
#define CREW__SPIN_LOCK 100u

/* Of how many tasks of a submitter one is measured: two readings of the clock,
 * 60 ns, are then 1 ns a task. */
#define CREW__SAMPLE_EVERY 64u

/* Events that a trace keeps of each worker, and in each of the rings that other
 * threads share; 48 bytes each, touched when used. */
#define CREW__TRACE_EVENTS        32768u
#define CREW__TRACE_EVENTS_SHARED 8192u

/* Outside threads that may lend a hand where the options say 0. */
#define CREW__GUESTS 16u

/* First block of scratch memory of a worker, in bytes. It is kept; what is
 * larger goes back when the task returns. */
#define CREW__SCRATCH_BLOCK 4096u

/* Nodes of crew_pool_call that a pool keeps for the next calls. */
#define CREW__CALLS_KEPT 1024u

/* A message with what it carries is this large, in bytes, where that is enough:
 * 112 of header and 96 bytes of the sender's. Such ones are used again;
 * larger ones come from the allocator at their exact size. */
#define CREW__MESSAGE_BYTES 208u

/* Slots of a lane, each a line: at first, and when the receiver lags behind;
 * what is beyond that comes in further rings of the most. bench/ports */
#if defined(CREW_TESTING)
#define CREW__LANE_SLOTS 2u
#define CREW__LANE_MOST  8u
#else
#define CREW__LANE_SLOTS 64u
#define CREW__LANE_MOST  1024u
#endif

/* Messages that a thread posts before it is given a lane. */
#if defined(CREW_TESTING)
#define CREW__LANE_AFTER 3u
#else
#define CREW__LANE_AFTER 32u
#endif

/* Messages of a lane's receiver, unless there is no memory: with one or two each
 * receive takes back what was freed last, a read-modify-write more (16 -> 24
 * million messages a second with 8; 16 are not faster). */
#if defined(CREW_TESTING)
#define CREW__LANE_SPARES 2u
#else
#define CREW__LANE_SPARES 8u
#endif

/* Slots that are fetched for writing before they are written. To fetch for
 * reading made it slower: the receiver is close behind. */
#define CREW__LANE_AHEAD 4u

/* Messages of one direction that are kept to be used again. */
#define CREW__MESSAGES_KEPT 1024u

/* What the result of a call holds without memory of its own: bytes (a NUL is
 * one of them), and entries, of buffers and of ports each. A call with an empty
 * message then is 600 bytes, which bench/call.c allocates and frees in 100 ns. */
#define CREW__DRAFT_BYTES   96u
#define CREW__DRAFT_ENTRIES 2u

/* Bytes of the text of a failure that a call has room for; where there is no
 * memory for more it is cut to that. */
#define CREW__CALL_TEXT 96u

/* Messages that a port delivers before the others of its inbox have their
 * turn: enough to make the turn's lock and the sight of the other ports' lines
 * cheap, and 10 us of callbacks of 150 ns. */
#define CREW__PORT_TURN 64u

/* How long crew_receive looks before it sleeps, in rounds of relax. */
#define CREW__SPIN_RECEIVE 200u

#endif
