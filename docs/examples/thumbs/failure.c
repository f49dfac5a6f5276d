#include "failure.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int fail(struct failure *failure, int error, const char *format, ...)
{
    va_list args;

    if (failure->text[0] == '\0') {
        va_start(args, format);
        vsnprintf(failure->text, sizeof failure->text, format, args);
        va_end(args);
    }
    return error;
}

int fail_errno(struct failure *failure, int error, const char *what)
{
    return fail(failure, error, "%s: %s", what, strerror(-error));
}
