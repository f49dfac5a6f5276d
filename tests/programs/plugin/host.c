/*
 * NH14: a plugin is loaded, uses crew, is unloaded; then fork. The program
 * itself does not know crew, so with the plugin the library comes and goes
 * too: a handler, destructor or thread that it left behind would be called in
 * memory that is gone.
 *
 *   host PLUGIN ROUNDS TASKS
 */
#include "plugin.h"

#include <dirent.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

typedef int use_fn(unsigned tasks);

static unsigned count_entries(const char *path)
{
    DIR *folder = opendir(path);
    unsigned count = 0;

    while (folder && readdir(folder))
        count++;
    if (folder)
        closedir(folder);
    return count;
}

static long resident_kib(void)
{
    FILE *file = fopen("/proc/self/statm", "re");
    long pages = 0;

    if (file) {
        if (fscanf(file, "%*s %ld", &pages) != 1)
            pages = 0;
        fclose(file);
    }
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static int fork_and_exit(void)
{
    int status = -1;
    pid_t child;

    fflush(NULL);
    child = fork();
    if (child == 0)
        exit(0);
    if (child < 0 || waitpid(child, &status, 0) != child)
        return 1;
    return status;
}

/* In the child: load it again and use it. */
static int fork_and_use(const char *path)
{
    int status = -1;
    pid_t child;

    fflush(NULL);
    child = fork();
    if (child == 0) {
        void *plugin = dlopen(path, RTLD_NOW | RTLD_LOCAL);
        use_fn *use = plugin ? (use_fn *)dlsym(plugin, "plugin_use_crew") : 0;
        int r = use ? use(10) : 9;

        if (plugin)
            dlclose(plugin);
        _exit(r);
    }
    if (child < 0 || waitpid(child, &status, 0) != child)
        return 1;
    return status;
}

static int load_use_unload(const char *path, unsigned tasks)
{
    void *plugin = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    use_fn *use;
    int r;

    if (!plugin) {
        fprintf(stderr, "%s\n", dlerror());
        return 1;
    }
    use = (use_fn *)dlsym(plugin, "plugin_use_crew");
    r = use ? use(tasks) : 1;
    return dlclose(plugin) == 0 ? r : 1;
}

static int fail(const char *what, unsigned round, int r)
{
    fprintf(stderr, "round %u: %s: %d\n", round, what, r);
    return 1;
}

int main(int argc, char **argv)
{
    unsigned rounds = argc > 3 ? (unsigned)atoi(argv[2]) : 0;
    unsigned tasks = argc > 3 ? (unsigned)atoi(argv[3]) : 0;
    unsigned descriptors = count_entries("/proc/self/fd");
    long settled = 0;

    for (unsigned i = 0; i < rounds; i++) {
        int r = load_use_unload(argv[1], tasks);

        if (r)
            return fail("load, use, unload", i, r);
        if (i == rounds / 3)
            settled = resident_kib();
        if (i % 10)
            continue;
        r = fork_and_exit();
        if (r)
            return fail("fork and exit", i, r);
        r = fork_and_use(argv[1]);
        if (r)
            return fail("fork and use", i, r);
    }
    if (count_entries("/proc/self/fd") != descriptors)
        return fail("descriptors are left", rounds, 0);
    if (resident_kib() > settled + 1024)
        return fail("KiB more", rounds, (int)(resident_kib() - settled));
    printf("measured: %ld KiB more than after a third\n",
           resident_kib() - settled);
    return fork_and_exit();
}
