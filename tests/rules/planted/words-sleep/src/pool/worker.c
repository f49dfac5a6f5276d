void crew__worker_nap(void)
{
    usleep(10);
}
