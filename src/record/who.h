/* record/who.h - whom a piece of work falls to.
 * Owns: the order of R28: the people named for it, then the owner, then the installation's owner,
 *   then the admins; and who of them is there. Pure.
 * Invariants:
 *   I8  a piece of work falls to somebody as long as any group of that order has a member.
 *   1. Nobody is named who may not do it: not who asked for it, not a service (I11).
 *   2. Who is away is passed over while somebody else of the order is there; if nobody is, the
 *      first is named all the same: never nobody. */
#pragma once
#include "core/switchboard.h"
#include "policy/types.h"

/* Somebody who is away until then. Their reviews and what they settle may be done by `cover`. */
struct away {
    struct slice person, cover; /* cover: empty = nobody in particular */
    int64_t until_unix_ms;
    bool is_by_admin; /* an admin named the cover, who need not be in the groups (R20) */
};
struct away_list {
    const struct away *items;
    size_t count;
};

enum who_duty { WHO_DUTY_DECIDE, WHO_DUTY_SETTLE, WHO_DUTY_RESTART };

struct who_question {
    const struct config *config;
    const struct workflow *workflow; /* NULL: the installation's `switch:` */
    const struct step *step;         /* or NULL */
    const struct stop *stop;         /* RESTART: which; or NULL */
    enum who_duty duty;
    struct slice actor;           /* DECIDE, RESTART: who asked, and so does not decide it */
    const struct away_list *away; /* or NULL */
    int64_t now_unix_ms;
};
struct who_answer {
    const struct group *group;   /* NULL: nobody at all */
    const struct person *person; /* whom to begin with; NULL: nobody of the group may */
    struct slice stands_for;     /* person is there in place of this one, who is away; or empty */
};
/* Who acts in the place of somebody of that group who is away; NULL: nobody. Whom they named
 * themselves covers only what is the cover's too: asked at each use, for a reload may change it
 * (R20). A restart is for those who are named for it, and nobody in their place. */
const struct person *who_cover(const struct who_question *question, const struct group *group,
                               const struct away *away);
/* Is whom it begins with there, or in place of somebody? Else invariant 2 named the first. */
bool who_is_there(const struct who_question *question, const struct who_answer *answer);
/* false: there is nobody. */
bool who_find(const struct who_question *question, struct who_answer *out_answer);
/* Is the work this person's: as a member of the group that it falls to, or as a cover in it? */
bool who_is_for(const struct who_question *question, struct slice person);
/* A group to which the work of the person may fall, and that the cover is not in; NULL: there is
 * none, so as a cover they get no right that they have not got. */
const struct group *who_not_shared(const struct config *config, struct slice person,
                                   struct slice cover);
/* The entry of a person who is away now, or NULL. */
const struct away *away_find(const struct away_list *list, struct slice person,
                             int64_t now_unix_ms);
