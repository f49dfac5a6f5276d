/*
 * A doubly linked circular list through a head that is no element. Whoever
 * uses it has a lock around it.
 *
 * Invariant: for every link l in a list, l.next->prev == &l == l.prev->next.
 * A link that is in no list has next == NULL.
 */
#ifndef CREW_BASE_LIST_H
#define CREW_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct crew__link {
    struct crew__link *next;
    struct crew__link *prev;
};

static inline void crew__list_init(struct crew__link *head)
{
    head->next = head;
    head->prev = head;
}

static inline bool crew__list_is_empty(const struct crew__link *head)
{
    return head->next == head;
}

static inline bool crew__list_is_linked(const struct crew__link *link)
{
    return link->next != NULL;
}

static inline void crew__list_insert(struct crew__link *before,
                                     struct crew__link *link,
                                     struct crew__link *after)
{
    link->prev = before;
    link->next = after;
    before->next = link;
    after->prev = link;
}

static inline void crew__list_push_last(struct crew__link *head,
                                        struct crew__link *link)
{
    crew__list_insert(head->prev, link, head);
}

static inline void crew__list_push_first(struct crew__link *head,
                                         struct crew__link *link)
{
    crew__list_insert(head, link, head->next);
}

static inline void crew__list_unlink(struct crew__link *link)
{
    link->prev->next = link->next;
    link->next->prev = link->prev;
    link->next = NULL;
    link->prev = NULL;
}

#endif
