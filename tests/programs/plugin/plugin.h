/* What the host finds in the plugin. */
#ifndef CREW_TESTS_PLUGIN_H
#define CREW_TESTS_PLUGIN_H

/* Creates a pool, an inbox, a group and a buffer, runs `tasks` tasks through
 * them and destroys all again. 0: as it should be. */
int plugin_use_crew(unsigned tasks);

#endif
