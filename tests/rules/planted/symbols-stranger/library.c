int pick_victim(void)
{
    return 0;
}
