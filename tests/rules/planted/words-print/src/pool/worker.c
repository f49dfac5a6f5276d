void crew__worker_tell(void)
{
    printf("awake\n");
}
