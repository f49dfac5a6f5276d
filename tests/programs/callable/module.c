#include <crew/crew.h>

extern const crew_callable module_shout;

static int shout(crew_self *self, crew_message *in, crew_message *out)
{
    const char *bytes = in->bytes;
    char *loud = crew_self_scratch(self, in->size + 1);

    if (!loud)
        return crew_self_fail(self, -12, "no memory");
    for (size_t i = 0; i < in->size; i++)
        loud[i] = (char)(bytes[i] >= 'a' && bytes[i] <= 'z'
                             ? bytes[i] - 'a' + 'A'
                             : bytes[i]);
    return crew_message_set(out, loud, in->size);
}

__attribute__((visibility("default")))
const crew_callable module_shout = {"module/shout", shout};
