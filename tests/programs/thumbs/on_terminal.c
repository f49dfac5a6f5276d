/*
 * on-terminal COMMAND...: runs a command whose stdout and stderr are a
 * terminal, and copies what it writes there. Exits as the command does.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static void become(const char *terminal, char **command)
{
    const int fd = open(terminal, O_RDWR | O_NOCTTY);

    if (fd < 0 || dup2(fd, STDOUT_FILENO) < 0 || dup2(fd, STDERR_FILENO) < 0)
        _exit(126);
    execvp(command[0], command);
    _exit(127);
}

int main(int argc, char **argv)
{
    const int master = posix_openpt(O_RDWR | O_NOCTTY);
    char bytes[4096];
    int held, status;
    ssize_t n;
    pid_t child;

    if (argc < 2 || master < 0 || grantpt(master) < 0 || unlockpt(master) < 0)
        return 77; /* no pseudo-terminals here */
    held = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
    fcntl(master, F_SETFD, FD_CLOEXEC);
    child = fork();
    if (child < 0)
        return 77;
    if (child == 0)
        become(ptsname(master), argv + 1);
    close(held);
    while ((n = read(master, bytes, sizeof bytes)) > 0)
        fwrite(bytes, 1, (size_t)n, stdout);
    if (waitpid(child, &status, 0) < 0 || !WIFEXITED(status))
        return 1;
    return WEXITSTATUS(status);
}
