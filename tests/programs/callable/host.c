/*
 * R2: the pool runs, then a library is loaded, called and unloaded, twice.
 *
 *   host MODULE
 */
#include <crew/crew.h>

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

static void note(const crew_result *result, void *arg)
{
    if (result->status == 0 && result->out->size == 5 &&
        strcmp(result->out->bytes, "HELLO") == 0)
        ++*(unsigned *)arg;
}

/* 1: it was called, and has answered. */
static unsigned call_module(const char *path, crew_pool *pool,
                            crew_inbox *inbox)
{
    const crew_message in = {.bytes = "hello", .size = 5};
    void *module = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    const crew_callable *shout = module ? dlsym(module, "module_shout") : NULL;
    unsigned heard = 0;

    if (!shout) {
        fprintf(stderr, "%s\n", dlerror());
        return 0;
    }
    if (crew_call(NULL, pool, shout, &in, NULL, inbox, note, &heard) == 0)
        crew_inbox_run(inbox);
    dlclose(module);
    return heard;
}

int main(int argc, char **argv)
{
    crew_pool_options options = {.workers = 2};
    crew_pool *pool = NULL;
    crew_inbox *inbox = NULL;
    unsigned heard = 0;

    if (argc != 2 || crew_pool_create(&pool, &options) < 0 ||
        crew_inbox_create(&inbox, NULL) < 0)
        return 2;
    for (unsigned i = 0; i < 2; i++)
        heard += call_module(argv[1], pool, inbox);
    if (crew_pool_destroy(pool) < 0 || crew_inbox_destroy(inbox) < 0)
        return 1;
    return heard == 2 ? 0 : 1;
}
