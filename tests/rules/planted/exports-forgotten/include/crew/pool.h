CREW_API int crew_pool_open(void);
CREW_API const char *crew_pool_lost(const char *name, int (*fn)(void *));
