void crew__park_give(crew__a32 *token)
{
    crew__store_release(token, 1); /* edge:park-token (release) */
}
