typedef enum { CREW_NORMAL, CREW_HIGH } crew_priority;
