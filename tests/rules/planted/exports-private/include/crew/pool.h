CREW_API int crew_pool_open(void);
