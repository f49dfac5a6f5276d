/* An inbox in a GLib main loop, which quits when nothing is outstanding. */
#include <crew/adapters/glib.h>

#include "work.h"

static void quit(void *arg)
{
    g_main_loop_quit(arg);
}

int main(void)
{
    GMainLoop *loop = g_main_loop_new(NULL, FALSE);
    crew_glib adapter = {.on_idle = quit, .arg = loop};
    struct work work;

    if (work_begin(&work) < 0 ||
        crew_glib_attach(&adapter, NULL, work.inbox) < 0)
        return 1;
    g_main_loop_run(loop);
    crew_glib_detach(&adapter);
    g_main_loop_unref(loop);
    return work_end(&work) < 0;
}
