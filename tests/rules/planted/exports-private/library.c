int crew_pool_open(void)
{
    return 0;
}

int crew__pool_secret(void)
{
    return 0;
}
