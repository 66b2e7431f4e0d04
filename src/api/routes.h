/* api/routes.h - every call of the API in one table.
 * Owns: method, path, lane, right, subject, handler and OpenAPI operation of each. Pure data.
 * Invariants:
 *   1. docs/openapi.json has exactly these operations (tests/api/test_api_openapi.py).
 *   2. A right is checked by the one dispatcher from this table, not by handlers; where the subject
 *      is in the body or the list (RIGHT_TOKEN), the handler filters with right_allows. */
#pragma once
#include "api/rights.h"
#include "port/door.h"

enum { ROUTE_PARAMETERS = 2 };

/* What the path names; the dispatcher finds it before the handler runs. */
enum route_subject {
    SUBJECT_NONE,
    SUBJECT_WORKFLOW, /* {w} */
    SUBJECT_STEP,     /* {w} and {s} */
    SUBJECT_ACTION,
    SUBJECT_REVIEW,
    SUBJECT_STOP,
    SUBJECT_INCIDENT,
    SUBJECT_UPSTREAM
};

struct call;
struct route {
    const char *method, *pattern, *operation;
    enum door_lane lane;
    enum right right;
    enum route_subject subject;
    void (*handle)(struct call *call);
};

enum route_found { ROUTE_UNKNOWN_PATH, ROUTE_OTHER_METHOD, ROUTE_FOUND };
/* HEAD is found as GET. Parameters are as in the path: still percent-encoded. */
enum route_found route_find(struct slice method, struct slice path, const struct route **out_route,
                            struct slice out_parameters[ROUTE_PARAMETERS]);
/* "GET, HEAD, POST": what the path does have. */
void route_add_methods(struct slice path, struct buf *out);
/* The pattern nearest to a path that is none, or NULL when nothing is near. */
const char *route_nearest(struct slice path);
/* The whole table, for tests. */
const struct route *route_table(size_t *out_count);
