#include "api/routes.h"

#include "api/handlers.h"
#include "policy/near.h"

#define ACTION "/v1/actions/{id}"
#define REVIEW "/v1/reviews/{id}"
#define INCIDENT "/v1/incidents/{id}"

/* Lanes as in R30. The receipt of a stop travels with the stop. What a monitor asks goes before
 * admissions and reads: a daemon that is full must still be able to say so. */
static const struct route routes[] = {
    {"POST", "/v1/workflows/{w}/steps/{s}/actions", "submitAction", DOOR_LANE_ADMISSION,
     RIGHT_SUBMIT, SUBJECT_STEP, submit_post},
    {"POST", "/v1/workflows/{w}/labels", "labelAction", DOOR_LANE_VERDICT, RIGHT_LABEL,
     SUBJECT_WORKFLOW, labels_post},
    {"GET", "/v1/workflows/{w}/ready", "getReady", DOOR_LANE_READ, RIGHT_SEE, SUBJECT_WORKFLOW,
     evidence_ready},
    {"GET", "/v1/workflows/{w}/report", "getReport", DOOR_LANE_READ, RIGHT_SEE, SUBJECT_WORKFLOW,
     evidence_report},
    {"GET", "/v1/workflows/{w}/plan", "getPlan", DOOR_LANE_READ, RIGHT_SEE, SUBJECT_WORKFLOW,
     plans_get},
    {"POST", "/v1/workflows/{w}/plan", "signPlan", DOOR_LANE_VERDICT, RIGHT_SIGN, SUBJECT_WORKFLOW,
     plans_sign},
    {"GET", "/v1/workflows/{w}/triggers", "listTriggers", DOOR_LANE_READ, RIGHT_SEE,
     SUBJECT_WORKFLOW, triggers_list},
    {"POST", "/v1/workflows/{w}/signals", "postSignal", DOOR_LANE_VERDICT, RIGHT_SUBMIT,
     SUBJECT_WORKFLOW, triggers_signal},
    {"POST", "/v1/workflows/{w}/heartbeat", "sayAlive", DOOR_LANE_VERDICT, RIGHT_SUBMIT,
     SUBJECT_WORKFLOW, triggers_heartbeat},
    {"GET", "/v1/actions", "listActions", DOOR_LANE_READ, RIGHT_TOKEN, SUBJECT_NONE, actions_list},
    {"GET", ACTION, "getAction", DOOR_LANE_READ, RIGHT_SEE, SUBJECT_ACTION, actions_get},
    {"GET", ACTION "/explain", "explainAction", DOOR_LANE_READ, RIGHT_SEE, SUBJECT_ACTION,
     actions_explain},
    {"POST", ACTION "/begin", "beginAction", DOOR_LANE_OUTCOME, RIGHT_WORK, SUBJECT_ACTION,
     acts_begin},
    {"POST", ACTION "/outcome", "reportOutcome", DOOR_LANE_OUTCOME, RIGHT_WORK, SUBJECT_ACTION,
     acts_report},
    {"POST", ACTION "/resolve", "resolveAction", DOOR_LANE_VERDICT, RIGHT_SETTLE, SUBJECT_ACTION,
     acts_resolve},
    {"POST", ACTION "/cancel", "cancelAction", DOOR_LANE_VERDICT, RIGHT_CANCEL, SUBJECT_ACTION,
     acts_cancel},
    {"POST", ACTION "/note", "noteAction", DOOR_LANE_VERDICT, RIGHT_SETTLE, SUBJECT_ACTION,
     acts_note},
    {"POST", ACTION "/again", "tryActionAgain", DOOR_LANE_VERDICT, RIGHT_AGAIN, SUBJECT_ACTION,
     acts_again},
    {"GET", "/v1/inbox", "getInbox", DOOR_LANE_READ, RIGHT_TOKEN, SUBJECT_NONE, inbox_get},
    {"GET", REVIEW, "getReview", DOOR_LANE_READ, RIGHT_SEE, SUBJECT_REVIEW, reviews_get},
    {"POST", REVIEW "/reveal", "revealReview", DOOR_LANE_VERDICT, RIGHT_DECIDE, SUBJECT_REVIEW,
     reviews_reveal},
    {"POST", REVIEW "/claim", "claimReview", DOOR_LANE_VERDICT, RIGHT_DECIDE, SUBJECT_REVIEW,
     reviews_claim},
    {"POST", REVIEW "/release", "releaseReview", DOOR_LANE_VERDICT, RIGHT_DECIDE, SUBJECT_REVIEW,
     reviews_release},
    {"POST", REVIEW "/reassign", "reassignReview", DOOR_LANE_VERDICT, RIGHT_DECIDE, SUBJECT_REVIEW,
     reviews_reassign},
    {"POST", "/v1/verdicts", "giveVerdicts", DOOR_LANE_VERDICT, RIGHT_TOKEN, SUBJECT_NONE,
     verdicts_post},
    {"POST", REVIEW "/verdict", "giveVerdict", DOOR_LANE_VERDICT, RIGHT_DECIDE, SUBJECT_REVIEW,
     verdict_post},
    {"GET", "/v1/switches", "listSwitches", DOOR_LANE_READ, RIGHT_TOKEN, SUBJECT_NONE,
     stops_switches},
    {"POST", "/v1/stops", "stop", DOOR_LANE_STOP, RIGHT_TOKEN, SUBJECT_NONE, stops_post},
    {"GET", "/v1/stops/{id}", "getStop", DOOR_LANE_STOP, RIGHT_RECEIPT, SUBJECT_STOP, stops_get},
    {"GET", "/v1/incidents", "listIncidents", DOOR_LANE_READ, RIGHT_TOKEN, SUBJECT_NONE,
     incidents_list},
    {"GET", INCIDENT, "getIncident", DOOR_LANE_READ, RIGHT_RECEIPT, SUBJECT_INCIDENT,
     incidents_get},
    {"POST", INCIDENT "/restart", "restartIncident", DOOR_LANE_VERDICT, RIGHT_RESTART,
     SUBJECT_INCIDENT, restart_post},
    {"POST", INCIDENT "/approve", "approveRestart", DOOR_LANE_VERDICT, RIGHT_RECEIPT,
     SUBJECT_INCIDENT, restart_approve},
    {"POST", INCIDENT "/reject", "rejectRestart", DOOR_LANE_VERDICT, RIGHT_RECEIPT,
     SUBJECT_INCIDENT, restart_reject},
    {"POST", INCIDENT "/ack", "acknowledgeIncident", DOOR_LANE_VERDICT, RIGHT_ACKNOWLEDGE,
     SUBJECT_INCIDENT, incidents_ack},
    {"POST", INCIDENT "/note", "noteIncident", DOOR_LANE_VERDICT, RIGHT_ACKNOWLEDGE,
     SUBJECT_INCIDENT, incidents_note},
    {"POST", INCIDENT "/informed", "informOfIncident", DOOR_LANE_VERDICT, RIGHT_ACKNOWLEDGE,
     SUBJECT_INCIDENT, incidents_informed},
    {"POST", INCIDENT "/close", "closeIncident", DOOR_LANE_VERDICT, RIGHT_ACKNOWLEDGE,
     SUBJECT_INCIDENT, incidents_close},
    {"GET", "/v1/decisions", "listDecisions", DOOR_LANE_READ, RIGHT_TOKEN, SUBJECT_NONE,
     decisions_get},
    {"GET", "/v1/decisions/verify", "verifyDecisions", DOOR_LANE_READ, RIGHT_AUDIT, SUBJECT_NONE,
     verification_get},
    {"GET", "/v1/status", "getStatus", DOOR_LANE_READ, RIGHT_TOKEN, SUBJECT_NONE, status_get},
    {"POST", "/v1/admin/reload", "reload", DOOR_LANE_VERDICT, RIGHT_CONFIGURE, SUBJECT_NONE,
     admin_reload},
    {"POST", "/v1/admin/backup", "backup", DOOR_LANE_VERDICT, RIGHT_CONFIGURE, SUBJECT_NONE,
     admin_backup},
    {"POST", "/v1/admin/erase", "erase", DOOR_LANE_VERDICT, RIGHT_CONFIGURE, SUBJECT_NONE,
     admin_erase},
    {"GET", "/v1/admin/away", "listAway", DOOR_LANE_READ, RIGHT_TOKEN, SUBJECT_NONE, away_list},
    {"POST", "/v1/admin/away", "sayAway", DOOR_LANE_VERDICT, RIGHT_TOKEN, SUBJECT_NONE, away_post},
    {"GET", "/v1/admin/tokens", "listTokens", DOOR_LANE_READ, RIGHT_CONFIGURE, SUBJECT_NONE,
     admin_tokens_list},
    {"POST", "/v1/admin/tokens", "makeToken", DOOR_LANE_VERDICT, RIGHT_CONFIGURE, SUBJECT_NONE,
     admin_tokens_post},
    {"POST", "/v1/admin/tokens/{id}/revoke", "revokeToken", DOOR_LANE_VERDICT, RIGHT_CONFIGURE,
     SUBJECT_NONE, admin_tokens_revoke},
    {"GET", "/v1/sandbox/{upstream}", "getSandbox", DOOR_LANE_READ, RIGHT_STOP, SUBJECT_UPSTREAM,
     sandbox_get},
    {"POST", "/v1/sandbox/{upstream}", "setSandbox", DOOR_LANE_READ, RIGHT_STOP, SUBJECT_UPSTREAM,
     sandbox_post},
    {"GET", "/healthz", "getHealth", DOOR_LANE_VERDICT, RIGHT_LOOPBACK, SUBJECT_NONE,
     status_health},
    {"GET", "/readyz", "getReadiness", DOOR_LANE_VERDICT, RIGHT_LOOPBACK, SUBJECT_NONE,
     status_ready},
    {"GET", "/metrics", "getMetrics", DOOR_LANE_VERDICT, RIGHT_AUDIT, SUBJECT_NONE, metrics_get},
    {"GET", "/openapi.json", "getOpenApi", DOOR_LANE_READ, RIGHT_OPEN, SUBJECT_NONE, openapi_get},
    {"GET", "/", "getHome", DOOR_LANE_READ, RIGHT_OPEN, SUBJECT_NONE, openapi_home},
};
enum { ROUTE_COUNT = sizeof routes / sizeof *routes };

/* Takes the next segment off a path that begins with "/". */
static bool route_take(struct slice *path, struct slice *out_segment)
{
    if (path->size == 0 || path->at[0] != '/')
        return false;
    struct slice rest = slice_from(*path, 1);
    size_t end = slice_find(rest, '/');
    *out_segment = slice_first(rest, end);
    *path = slice_from(rest, end);
    return true;
}

static bool route_matches(const char *pattern, struct slice path,
                          struct slice out_parameters[ROUTE_PARAMETERS])
{
    struct slice wanted = slice_text(pattern), want, got;
    size_t count = 0;
    while (route_take(&wanted, &want)) {
        if (!route_take(&path, &got))
            return false;
        if (want.size == 0 || want.at[0] != '{') {
            if (!slice_equal(want, got))
                return false;
        } else if (got.size == 0) {
            return false;
        } else {
            out_parameters[count++] = got;
        }
    }
    return path.size == 0;
}

enum route_found route_find(struct slice method, struct slice path, const struct route **out_route,
                            struct slice out_parameters[ROUTE_PARAMETERS])
{
    enum route_found found = ROUTE_UNKNOWN_PATH;
    if (slice_is(method, "HEAD"))
        method = SLICE("GET");
    for (size_t i = 0; i < ROUTE_COUNT; i++) {
        if (!route_matches(routes[i].pattern, path, out_parameters))
            continue;
        found = ROUTE_OTHER_METHOD;
        if (!slice_is(method, routes[i].method))
            continue;
        *out_route = &routes[i];
        return ROUTE_FOUND;
    }
    return found;
}

void route_add_methods(struct slice path, struct buf *out)
{
    struct slice parameters[ROUTE_PARAMETERS];
    for (size_t i = 0; i < ROUTE_COUNT; i++) {
        if (!route_matches(routes[i].pattern, path, parameters))
            continue;
        buf_add_text(out, out->size ? ", " : "");
        buf_add_text(out, routes[i].method);
        buf_add_text(out, slice_is(SLICE("GET"), routes[i].method) ? ", HEAD" : "");
    }
}

enum { ROUTE_FAR = 1000 };

/* How far a segment is from the pattern's; a parameter takes anything. */
static size_t route_segment_distance(struct slice want, struct slice got)
{
    struct near near;
    if (want.size > 0 && want.at[0] == '{')
        return got.size > 0 ? 0 : ROUTE_FAR;
    if (slice_equal(want, got))
        return 0;
    near_init(&near, got);
    near_offer(&near, want);
    return near.best.size ? near.best_distance : ROUTE_FAR;
}

static size_t route_distance(struct slice pattern, struct slice path)
{
    struct slice want, got;
    size_t distance = 0;
    while (route_take(&pattern, &want)) {
        if (!route_take(&path, &got))
            return ROUTE_FAR;
        distance += route_segment_distance(want, got);
    }
    bool is_at_end = path.size == 0 || (path.size == 1 && path.at[0] == '/');
    return is_at_end ? distance : ROUTE_FAR;
}

const char *route_nearest(struct slice path)
{
    static const struct slice version = {"/v1", 3};
    const char *nearest = NULL;
    size_t best = ROUTE_FAR;
    for (size_t i = 0; i < ROUTE_COUNT; i++) {
        struct slice pattern = slice_text(routes[i].pattern);
        size_t distance = route_distance(pattern, path);
        if (distance >= ROUTE_FAR && slice_starts(pattern, version)) /* "/actions" */
            distance = route_distance(slice_from(pattern, version.size), path) + 1;
        if (distance < best) {
            best = distance;
            nearest = routes[i].pattern;
        }
    }
    return nearest;
}

const struct route *route_table(size_t *out_count)
{
    *out_count = ROUTE_COUNT;
    return routes;
}
