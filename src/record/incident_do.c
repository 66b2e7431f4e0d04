/* What an incident waits for, as commands: those of its page and of the answer to `ack`. */
#include "record/ids.h"
#include "record/incident_words.h"

static void do_add(struct incident_command *out, size_t *count,
                   const struct incident_command *command)
{
    if (*count < INCIDENT_COMMANDS)
        out[(*count)++] = *command;
}

static size_t do_when_closed(const struct incident_view *view, struct incident_command *out)
{
    const struct journal *j = &view->journal;
    size_t count = 0;
    if (j->joined_into != 0)
        do_add(out, &count,
               &(struct incident_command){"incident", "", "it goes on there", j->joined_into});
    else if ((j->kind == INCIDENT_STOP || j->kind == INCIDENT_DEGRADED) &&
             !incident_remark(view, "cause"))
        do_add(out, &count,
               &(struct incident_command){"incident", " --cause \"\xe2\x80\xa6\"",
                                          "its cause is not said yet", view->id});
    return count;
}

size_t incident_commands(const struct incident_view *view,
                         struct incident_command out[INCIDENT_COMMANDS])
{
    const struct journal *j = &view->journal;
    size_t count = 0;
    if (!view->is_open)
        return do_when_closed(view, out);
    if (!incident_is_answered(view))
        do_add(out, &count, &(struct incident_command){"ack", "", "you take care of it", view->id});
    if (j->kind == INCIDENT_STOP && view->why.size == 0)
        do_add(out, &count,
               &(struct incident_command){"incident", " --reason \"\xe2\x80\xa6\"",
                                          "why it was stopped: not said yet", view->id});
    if (j->inform_due_unix_ms > 0 && !incident_remark(view, "informed"))
        do_add(out, &count,
               &(struct incident_command){"incident", " --informed \"\xe2\x80\xa6\"",
                                          "stakeholders were told this", view->id});
    if (j->lasting == LASTING_CLOCK)
        do_add(out, &count,
               &(struct incident_command){"incident", " --close \"\xe2\x80\xa6\"",
                                          "its time is right: interlock takes it", view->id});
    if (j->kind == INCIDENT_OVERDUE)
        do_add(out, &count,
               &(struct incident_command){"inbox", "", "what is past due, and what settles it", 0});
    if (j->kind == INCIDENT_UNDONE)
        do_add(out, &count,
               &(struct incident_command){"incident", " --actions",
                                          "which they are, and how to try one anew", view->id});
    if (view->is_restart_asked) {
        do_add(out, &count,
               &(struct incident_command){"approve", "", "let it run again; not by who asked",
                                          view->id});
        do_add(out, &count,
               &(struct incident_command){"reject", " --because \"\xe2\x80\xa6\"",
                                          "say no: it stays stopped", view->id});
    } else if (j->kind == INCIDENT_STOP && (view->ramp.size == 0 || view->is_stuck))
        do_add(out, &count,
               &(struct incident_command){"restart", " --reason \"\xe2\x80\xa6\"",
                                          "ask that it runs again", view->id});
    return count;
}

void incident_command_add(struct buf *out, const struct incident_command *command)
{
    buf_add_fmt(out, "interlock %s", command->verb);
    if (command->incident != 0) {
        buf_add_byte(out, ' ');
        text_add_id(out, ID_INCIDENT, command->incident);
    }
    buf_add_text(out, command->rest);
}
