int crew__task_read(int *word)
{
    return __atomic_load_n(word, __ATOMIC_RELAXED);
}
