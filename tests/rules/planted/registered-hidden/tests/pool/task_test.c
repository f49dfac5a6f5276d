#define BOTH(name) CREW_TEST(name##_twice)
