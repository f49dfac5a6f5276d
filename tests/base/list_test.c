/* The circular list, by what it holds after each step. */
#include "support.h"

#include "base/list.h"

struct numbered {
    struct crew__link link;
    int number;
};

/* Also checks the invariant, both ways round. */
static void check_list(struct crew__link *head, const int *numbers, int count)
{
    struct crew__link *at = head;

    for (int i = 0; i < count; i++) {
        check(at->next->prev == at);
        at = at->next;
        check_equal(((struct numbered *)(void *)at)->number, numbers[i]);
    }
    check(at->next == head);
    check(head->prev == at);
    check_equal(crew__list_is_empty(head), count == 0);
}

CREW_TEST(links_come_in_and_go_out_at_any_place)
{
    struct crew__link head;
    struct numbered n[5] = {{.number = 0},
                            {.number = 1},
                            {.number = 2},
                            {.number = 3},
                            {.number = 4}};

    crew__list_init(&head);
    check_list(&head, NULL, 0);
    check(!crew__list_is_linked(&n[0].link));
    crew__list_push_last(&head, &n[1].link);
    crew__list_push_last(&head, &n[2].link);
    crew__list_push_first(&head, &n[0].link);
    crew__list_push_last(&head, &n[4].link);
    crew__list_insert(&n[2].link, &n[3].link, &n[4].link);
    check_list(&head, (int[]){0, 1, 2, 3, 4}, 5);
    check(crew__list_is_linked(&n[3].link));
    crew__list_unlink(&n[0].link); /* the first, ... */
    crew__list_unlink(&n[2].link); /* ... one in the middle, ... */
    crew__list_unlink(&n[4].link); /* ... the last */
    check(!crew__list_is_linked(&n[2].link));
    check_list(&head, (int[]){1, 3}, 2);
    crew__list_push_first(&head, &n[4].link);
    check_list(&head, (int[]){4, 1, 3}, 3);
    crew__list_unlink(&n[1].link);
    crew__list_unlink(&n[3].link);
    crew__list_unlink(&n[4].link);
    check_list(&head, NULL, 0);
}
