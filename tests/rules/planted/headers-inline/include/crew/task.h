static inline int crew_task_ran(void);
