int crew_pool_open(void)
{
    return 0;
}
