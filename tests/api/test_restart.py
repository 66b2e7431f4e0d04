"""Restart: who asks, who approves (R20, I11), and how it starts again a little at a time (R19)."""
import threading

import pytest

from interlock_client import INSTALLATION, REMINDERS, ROUTING, Daemon, install, kill_while
from story_world import POLICY, World

def ramped(ramp, policy=REMINDERS, more=""):
    return policy + "\nramp: %s\n%s" % (ramp, more)


@pytest.fixture
def one_by_one(tmp_path):
    """Its ramp: two one by one, then all."""
    folder = install(tmp_path, policies={"invoice-reminders.yaml": ramped("[2]"), "inquiry-routing.yaml": ROUTING})
    with Daemon(folder) as daemon:
        yield daemon


def stop(daemon, token="ana", **scope):
    answer = daemon.post("/v1/stops", {"scope": scope or {"workflow": "invoice-reminders"}, "reason": "wrong"}, token=token)
    assert answer.status == 202, answer
    return answer.json["incident"]


def ask(daemon, incident, token="ana", reason="rolled back"):
    return daemon.post("/v1/incidents/%s/restart" % incident, {"reason": reason}, token=token)


def approve(daemon, incident, token="ben"):
    return daemon.post("/v1/incidents/%s/approve" % incident, token=token)


def incident_of(daemon, incident):
    return daemon.get("/v1/incidents/" + incident).json


def kinds(daemon, **members):
    lines = daemon.get("/v1/decisions").json
    return [line["record"] for line in lines if all(line["record"].get(k) == v for k, v in members.items())]


# ---- who

def test_who_submitted_may_ask(daemon):
    """The first of the group, also for what that person submitted: nobody has asked for a restart yet."""
    incident = stop(daemon)
    held = daemon.remind("INV-1", token="ana").json
    assert held["state"] == "held" and held["who"]["person"] == "ana", held
    item, = daemon.get("/v1/inbox?kind=stop").json["items"]
    assert item["id"] == incident and item["who"]["person"] == "ana"


def test_who_asked_does_not_approve_and_it_is_recorded(daemon):
    incident = stop(daemon)
    asked = ask(daemon, incident)
    assert asked.status == 202 and asked.json["state"] == "open"
    restart = asked.json["restart"]
    assert restart["state"] == "asked" and restart["by"] == "ana" and restart["approvers"] == ["ben"]
    own = approve(daemon, incident, token="ana")
    assert own.status == 403 and "ana asked for this restart" in own.json["detail"] and "Who may: ben (finance-leads)" in own.json["detail"]
    assert daemon.remind("INV-1").json["state"] == "held"
    done = approve(daemon, incident)
    assert done.status == 202 and done.json["state"] == "closed"
    refused = kinds(daemon, kind="restart_refused")
    assert [(r["actor"], r["subject"]) for r in refused] == [("ana", "own")]
    assert [(r["actor"], r["subject"]) for r in kinds(daemon, kind="restart_approved")] == [("ben", "ana")]
    twice = approve(daemon, incident)
    assert twice.status == 409


def test_a_service_neither_asks_nor_approves(daemon):
    incident = stop(daemon)
    assert ask(daemon, incident, token="billing-cron").status == 403
    assert ask(daemon, incident, token="ben").status == 202
    answer = approve(daemon, incident, token="billing-cron")  # its human, ana, might
    assert answer.status == 403 and "a service approves no restart" in answer.json["detail"]
    assert incident_of(daemon, incident)["state"] == "open"


def test_a_stranger_does_not_approve(daemon):
    incident = stop(daemon)
    ask(daemon, incident)
    assert approve(daemon, incident, token="eve").status in (403, 404)
    assert incident_of(daemon, incident)["state"] == "open"


def test_membership_counts_when_it_is_used(daemon):
    incident = stop(daemon)
    ask(daemon, incident)
    config = daemon.folder / "interlock.yaml"
    config.write_text(config.read_text().replace("finance-leads: [ana, ben]", "finance-leads: [ana, eve]"))
    assert daemon.post("/v1/admin/reload").status == 200
    answer = approve(daemon, incident)
    assert answer.status == 403 and "ben may not approve this restart. Who may: eve (finance-leads)" in answer.json["detail"]
    void = approve(daemon, incident, token="eve")
    assert void.status == 409 and "the configuration changed" in void.json["detail"]


def change(daemon, old, new, file="interlock.yaml"):
    """One reload with other words in a file."""
    path = daemon.folder / file
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    return daemon.post("/v1/admin/reload")


def test_a_reload_that_leaves_nobody_else_is_refused(tmp_path):
    policies = {name: text.replace("mode: auto", "mode: review") for name, text in
                {"invoice-reminders.yaml": REMINDERS, "inquiry-routing.yaml": ROUTING}.items()}
    with Daemon(install(tmp_path, policies=policies)) as daemon:
        incident = stop(daemon)
        ask(daemon, incident)
        refused = change(daemon, "finance-leads: [ana, ben]", "finance-leads: [ana]")
        assert refused.status == 422, refused
        assert "the restart of %s, which ana asks for, could be approved by nobody else. Who may then: nobody (finance-leads)" % incident in refused.text
        assert "interlock approve " + incident in refused.text
        assert approve(daemon, incident).json["state"] == "closed"  # the former configuration is in force, whole
        assert daemon.post("/v1/admin/reload").status == 200  # nobody asks any more


def test_alone_is_the_stricter_of_now_and_when_it_opened(tmp_path):
    policies = {"invoice-reminders.yaml": ramped("[]", more="alone: after 10m\n"), "inquiry-routing.yaml": ROUTING}
    with Daemon(install(tmp_path, policies=policies)) as daemon:
        incident = stop(daemon)
        assert change(daemon, "alone: after 10m", "alone: after 1ms", "policies/invoice-reminders.yaml").status == 200
        ask(daemon, incident)
        answer = approve(daemon, incident, token="ana")  # not at once, whatever a reload in the incident says
        assert answer.status == 403 and "may approve it alone in 10 min" in answer.json["detail"], answer
        assert change(daemon, "alone: after 1ms", "alone: after 2h", "policies/invoice-reminders.yaml").status == 200
        ask(daemon, incident)
        answer = approve(daemon, incident, token="ana")
        assert answer.status == 403 and "may approve it alone in 2 h" in answer.json["detail"], answer
        assert change(daemon, "alone: after 2h\n", "", "policies/invoice-reminders.yaml").status == 200
        ask(daemon, incident)
        answer = approve(daemon, incident, token="ana")
        assert answer.status == 403 and "alone" not in answer.json["detail"], answer


def test_alone_that_came_after_it_opened_does_not_count(daemon):
    incident = stop(daemon)
    path = daemon.folder / "policies" / "invoice-reminders.yaml"
    path.write_text(path.read_text() + "alone: after 1ms\n")
    assert daemon.post("/v1/admin/reload").status == 200
    ask(daemon, incident)
    answer = approve(daemon, incident, token="ana")
    assert answer.status == 403 and "alone" not in answer.json["detail"], answer


def test_nobody_has_asked(daemon):
    id = stop(daemon)
    answer = approve(daemon, id)
    assert answer.status == 409 and 'nobody has asked' in answer.json["detail"]
    assert 'interlock restart %s --reason "' % id in answer.json["detail"]


def test_approved_twice(one_by_one):
    daemon = one_by_one
    id = stop(daemon)
    ask(daemon, id)
    assert approve(daemon, id).status == 202
    again = approve(daemon, id)  # for want of an answer: the same one
    assert again.status == 202 and again.json["restart"]["state"] == "ramp"
    other = approve(daemon, id, token="ana")
    assert other.status == 409 and "ben has approved it already: it starts again" in other.json["detail"], other.json
    assert len(kinds(daemon, kind="restart_approved")) == 1


def test_a_further_stop_voids_it(daemon):
    incident = stop(daemon)
    ask(daemon, incident)
    assert stop(daemon, token="ben") == incident  # joins
    answer = approve(daemon, incident)
    assert answer.status == 409 and "a stop was added" in answer.json["detail"]
    assert incident_of(daemon, incident)["restart"]["state"] == "void"
    assert daemon.restart(incident, "both looked at").json["state"] == "closed"


def test_somebody_else_does_not_take_a_request_over(daemon):
    incident = stop(daemon)
    ask(daemon, incident)
    other = ask(daemon, incident, token="ben")
    assert other.status == 409 and "ana has asked for it already" in other.json["detail"]


def test_it_is_in_the_inbox_of_who_may_approve(daemon):
    incident = stop(daemon)
    before = daemon.get("/v1/inbox").json["items"]
    assert [(i["kind"], i["verdicts"][-1]["verdict"]) for i in before] == [("stop", "restart")]
    ask(daemon, incident)
    item, = daemon.get("/v1/inbox?kind=restart").json["items"]
    assert item["id"] == incident and item["who"]["person"] == "ben" and item["verdicts"][0]["verdict"] == "approve"
    assert "Ana Ruiz asks that it runs again: rolled back" in item["why"]
    assert daemon.get("/v1/inbox?kind=stop").json["items"] == []


def test_a_request_survives_a_kill(daemon):
    incident = stop(daemon)
    ask(daemon, incident)
    daemon.kill()
    daemon.start()
    restart = incident_of(daemon, incident)["restart"]
    assert restart["state"] == "asked" and restart["by"] == "ana" and restart["reason"] == "rolled back"
    assert approve(daemon, incident).json["state"] == "closed"


def test_alone_is_not_before_its_time(tmp_path):
    policies = {"invoice-reminders.yaml": ramped("[]", more="alone: after 10m\n"), "inquiry-routing.yaml": ROUTING}
    with Daemon(install(tmp_path, policies=policies)) as daemon:
        incident = stop(daemon)
        asked = ask(daemon, incident).json["restart"]
        assert asked["alone_from"] is not None and asked["approvers"] == ["ben"]
        answer = approve(daemon, incident, token="ana")
        assert answer.status == 403 and "may approve it alone in 10 min" in answer.json["detail"]


def test_alone_after_its_time_is_loud(tmp_path):
    policies = {"invoice-reminders.yaml": ramped("[]", more="alone: after 200ms\n"), "inquiry-routing.yaml": ROUTING}
    with Daemon(install(tmp_path, policies=policies)) as daemon:
        incident = stop(daemon)
        ask(daemon, incident)
        for _ in range(100):
            answer = approve(daemon, incident, token="ana")
            if answer.status == 202:
                break
            threading.Event().wait(0.05)
        assert answer.json["state"] == "closed"
        approved, = kinds(daemon, kind="restart_approved")
        assert approved["actor"] == "ana" and approved["number"] == 1


# ---- the ramp

def test_the_ramp_lets_two_go_one_by_one_then_all(one_by_one):
    daemon = one_by_one
    incident = stop(daemon)
    assert daemon.remind("INV-0").json["state"] == "held"
    begun = daemon.restart(incident, "go").json
    assert begun["state"] == "open" and begun["restart"]["state"] == "ramp"
    assert begun["restart"]["ramp"]["text"] == "2 one by one … 0 ok"
    assert daemon.remind("INV-0").json["state"] == "held"  # the backlog waits for the end
    assert daemon.remind("INV-1").json["state"] == "done"
    assert incident_of(daemon, incident)["restart"]["ramp"]["text"] == "2 one by one … 1 ok"
    assert daemon.sandbox()["effects"] == 1
    assert daemon.remind("INV-2").json["state"] == "done"
    for _ in range(200):
        if incident_of(daemon, incident)["state"] == "closed":
            break
    assert incident_of(daemon, incident)["state"] == "closed"
    for _ in range(200):
        if daemon.sandbox()["effects"] == 3:
            break
        threading.Event().wait(0.02)
    assert daemon.remind("INV-0").json["state"] == "done"
    assert [r["subject"] for r in kinds(daemon, kind="ramp")] == ["over"]


def test_a_canary_that_fails_makes_it_stuck(one_by_one):
    daemon = one_by_one
    incident = stop(daemon)
    daemon.restart(incident, "go")
    daemon.sandbox(status=404, times=1)
    daemon.remind("INV-1")
    restart = incident_of(daemon, incident)["restart"]
    assert restart["state"] == "stuck", restart
    assert daemon.remind("INV-2").json["state"] == "held"
    item, = daemon.get("/v1/inbox?kind=stop").json["items"]
    assert item["id"] == incident and ". Its restart was approved, and the ramp is stuck" in item["why"]
    assert ask(daemon, incident).status == 202  # it waits for ben, so it needs people
    text = daemon.get("/v1/status", headers={"Accept": "text/plain"}).text
    assert text.startswith("NEEDS YOU: 1 stop in force"), text
    again = daemon.restart(incident, "mended").json["restart"]
    assert again["state"] == "ramp" and again["ramp"]["ok"] == 0
    assert daemon.remind("INV-3").json["state"] == "done"


def test_a_further_stop_sends_it_back(one_by_one):
    daemon = one_by_one
    incident = stop(daemon)
    daemon.restart(incident, "go")
    assert daemon.remind("INV-1").json["state"] == "done"
    assert stop(daemon, token="ben") == incident
    assert incident_of(daemon, incident)["restart"] is None or incident_of(daemon, incident)["restart"]["ramp"] is None
    assert daemon.remind("INV-2").json["state"] == "held"
    assert kinds(daemon, kind="ramp")[-1]["subject"] == "stopped"


def test_a_stop_of_an_upstream_sends_back_only_who_calls_it(one_by_one):
    daemon = one_by_one
    incident = stop(daemon)
    daemon.restart(incident, "go")
    other = stop(daemon, upstream="helpdesk")  # nothing of this workflow goes there
    assert incident_of(daemon, incident)["restart"]["state"] == "ramp"
    assert daemon.remind("INV-1").json["state"] == "done"
    stop(daemon, upstream="mailer")
    assert incident_of(daemon, incident)["restart"] is None or incident_of(daemon, incident)["restart"]["ramp"] is None
    assert daemon.remind("INV-2").json["state"] == "held" and incident_of(daemon, other)["state"] == "open"
    assert kinds(daemon, kind="ramp")[-1]["subject"] == "stopped"


@pytest.mark.parametrize("scope", [{"workflow": "invoice-reminders"}, {"workflow": "invoice-reminders", "step": "send_reminder"},
                                   {"workflow": "invoice-reminders", "risk": "high"}, {"upstream": "mailer"}, {}],
                         ids=["workflow", "step", "risk", "upstream", "everything"])
@pytest.mark.parametrize("position", ["review", "fallback"])
def test_any_position_on_its_scope_sends_it_back(tmp_path, position, scope):
    """R17, R19: what was agreed was that nothing else is in force; the same for a softer stop, and for a part."""
    risky = REMINDERS.replace("    rules:\n", "    risk: high if input.balance > 5000\n    rules:\n")
    with Daemon(install(tmp_path, policies={"invoice-reminders.yaml": ramped("[2]", risky), "inquiry-routing.yaml": ROUTING})) as daemon:
        incident = stop(daemon)
        daemon.restart(incident, "go")
        assert daemon.remind("INV-1").json["state"] == "done"
        added = daemon.post("/v1/stops", {"scope": scope, "position": position, "reason": "odd"}, token="ben").json
        for _ in range(2):
            assert incident_of(daemon, incident)["restart"] is None or incident_of(daemon, incident)["restart"]["ramp"] is None
            assert daemon.remind("INV-2").json["state"] == "held" and daemon.sandbox()["effects"] <= 1
            said = daemon.get("/v1/incidents/%s?format=text" % incident).text
            assert " by Ben Okafor: a further stop. It holds all again" in said.split("\nRAMP    sent back ")[1].split("\n")[0], said
            daemon.kill()
            daemon.start()
        # each is lifted by its own restart, and only then it runs
        for each in dict.fromkeys([added["incident"], incident]):
            assert daemon.remind("INV-3").json["state"] == "held"
            assert daemon.restart(each, "looked").status == 202
        assert daemon.remind("INV-4").json["state"] == "done"


def test_what_a_person_does_not_order_leaves_it(one_by_one):
    """Caution is a trigger's; another workflow's stop is another matter."""
    daemon = one_by_one
    incident = stop(daemon)
    daemon.restart(incident, "go")
    for order in ({"scope": {"workflow": "invoice-reminders"}, "position": "caution"}, {"scope": {"workflow": "inquiry-routing"}, "position": "review"}):
        daemon.post("/v1/stops", order, token="ben")
        assert incident_of(daemon, incident)["restart"]["state"] == "ramp"
    assert daemon.remind("INV-1").json["state"] == "done"


def test_a_cover_does_not_approve(daemon):
    """Restarts are not covered: who acts for a member of `restart` may do the rest of their work, not this."""
    assert daemon.post("/v1/admin/away", {"person": "ben", "until": "2999-01-01", "cover": "eve"}, token="ben").status == 200
    incident = stop(daemon)
    ask(daemon, incident)
    for verb in ("approve", "reject"):
        answer = daemon.post("/v1/incidents/%s/%s" % (incident, verb), {"reason": "for ben"} if verb == "reject" else None, token="eve")
        assert answer.status == 403 and "eve" in answer.json["detail"] and "Who may: " in answer.json["detail"], answer
    assert incident_of(daemon, incident)["restart"]["approvers"] == ["ben"]
    assert approve(daemon, incident).json["state"] == "closed"  # away, and entitled all the same


def test_nothing_is_restarted_where_nothing_is_stopped(tmp_path):
    """An alert has no stop: each of the three says how it is over."""
    policy = REMINDERS.replace("  - repeat:", "  - many: alert if overdue > 100000h\n  - busy: alert if volume > 1 in 1h\n  - repeat:")
    with Daemon(install(tmp_path, policies={"invoice-reminders.yaml": policy, "inquiry-routing.yaml": ROUTING})) as daemon:
        for n in range(2):
            daemon.remind("INV-%d" % n)
        alert, = daemon.get("/v1/incidents").json["items"]
        assert alert["kind"] == "alert"
        for answer in (ask(daemon, alert["id"]), approve(daemon, alert["id"]), daemon.post("/v1/incidents/%s/reject" % alert["id"], {"reason": "no"})):
            assert answer.status == 409 and "it is over when somebody acknowledges it" in answer.json["detail"], answer


def rename_to_reminders(daemon):
    """`invoice-reminders` is `reminders` from now on."""
    path = daemon.folder / "policies" / "invoice-reminders.yaml"
    path.write_text(path.read_text().replace("workflow: invoice-reminders", "workflow: reminders\nwas: [invoice-reminders]"))
    (daemon.folder / "policies" / "reminders.yaml").write_text(path.read_text())
    path.unlink()
    config = daemon.folder / "interlock.yaml"
    config.write_text(config.read_text().replace("[invoice-reminders]", "[reminders]"))
    assert daemon.post("/v1/admin/reload").status == 200


def test_a_stop_under_the_former_name_is_restarted_and_sent_back(tmp_path):
    policies = {"invoice-reminders.yaml": ramped("[2]"), "inquiry-routing.yaml": ROUTING}
    with Daemon(install(tmp_path, policies=policies)) as daemon:
        incident = stop(daemon)
        rename_to_reminders(daemon)

        def remind(invoice):
            return daemon.submit("reminders", "send_reminder", {"invoice": invoice, "stage": 1, "balance": 420, "email": "m@example.org"},
                                 token="billing-cron").json["state"]
        assert remind("INV-1") == "held"
        shown = incident_of(daemon, incident)  # `interlock restart reminders` finds it
        assert shown["workflow"] == "reminders" and shown["scope"] == {"workflow": "invoice-reminders"}, shown
        assert daemon.restart(incident, "go").json["restart"]["state"] == "ramp"
        assert remind("INV-2") == "done"
        stop(daemon, workflow="reminders")  # under its new name it is the same scope
        assert remind("INV-3") == "held"
        assert kinds(daemon, kind="ramp")[-1]["subject"] == "stopped"
        named = daemon.post("/v1/stops", {"scope": {"workflow": "invoice-reminders", "step": "send_reminder"}, "reason": "an old page"}, token="ana")
        assert named.status == 202 and named.json["scope"] == {"workflow": "reminders", "step": "send_reminder"}, named
        assert daemon.post("/v1/stops", {"scope": {"workflow": "invoice"}}, token="ana").status == 422


def test_a_stop_under_the_new_name_joins_the_incident(tmp_path):
    """R17, R28: it is the same scope, so one restart lifts both."""
    with Daemon(install(tmp_path)) as daemon:
        incident = stop(daemon)
        other = stop(daemon, workflow="inquiry-routing")
        rename_to_reminders(daemon)
        assert stop(daemon, token="ben", workflow="reminders") == incident
        part = stop(daemon, token="ben", workflow="reminders", step="send_reminder")
        assert part not in (incident, other) and len(incident_of(daemon, incident)["stops"]) == 2
        for each in (part, incident):
            held = daemon.submit("reminders", "send_reminder", {"invoice": each, "stage": 1, "balance": 420, "email": "m@example.org"},
                                 token="billing-cron").json
            assert held["state"] == "held" and daemon.restart(each, "go").json["state"] == "closed", held
        done = daemon.submit("reminders", "send_reminder", {"invoice": "INV-9", "stage": 1, "balance": 420, "email": "m@example.org"},
                             token="billing-cron").json
        assert done["state"] == "done", done
        assert {one["id"] for one in daemon.get("/v1/incidents").json["items"] if one["state"] == "open"} == {other}


def test_two_approve_at_once_and_one_ramp_begins(tmp_path):
    text = INSTALLATION.replace("finance-leads: [ana, ben]", "finance-leads: [ana, ben, eve]")
    policies = {"invoice-reminders.yaml": ramped("[2]"), "inquiry-routing.yaml": ROUTING}
    with Daemon(install(tmp_path, text, policies=policies)) as daemon:
        incident = stop(daemon)
        ask(daemon, incident)
        answers = []
        threads = [threading.Thread(target=lambda who=who: answers.append(approve(daemon, incident, token=who).status)) for who in ("ben", "eve")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert sorted(answers) == [202, 409]
        assert len(kinds(daemon, kind="restart_approved")) == 1


def test_another_policy_sends_it_back(one_by_one):
    daemon = one_by_one
    incident = stop(daemon)
    daemon.restart(incident, "go")
    policy = daemon.folder / "policies" / "invoice-reminders.yaml"
    policy.write_text(policy.read_text().replace("10000", "20000"))
    assert daemon.post("/v1/admin/reload").status == 200
    assert daemon.remind("INV-1").json["state"] == "held"
    assert kinds(daemon, kind="ramp")[-1]["subject"] == "reloaded"
    told = [entry["what"] for entry in incident_of(daemon, incident)["timeline"]]
    back = next(i for i, what in enumerate(told) if what.startswith("ramp sent back to stage one by a reload of its policy, stopped, by "))
    assert told[back + 1].startswith("in force again: stop of invoice-reminders, by ")


def test_another_workflow_does_not(one_by_one):
    daemon = one_by_one
    daemon.restart(stop(daemon), "go")
    policy = daemon.folder / "policies" / "inquiry-routing.yaml"
    policy.write_text(policy.read_text().replace("0.80", "0.70"))
    assert daemon.post("/v1/admin/reload").status == 200
    assert daemon.remind("INV-1").json["state"] == "done"


def test_the_ramp_survives_a_kill_between_canaries(one_by_one):
    daemon = one_by_one
    incident = stop(daemon)
    daemon.restart(incident, "go")
    assert daemon.remind("INV-1").json["state"] == "done"
    daemon.kill()
    daemon.start()
    assert incident_of(daemon, incident)["restart"]["ramp"]["text"] == "2 one by one … 1 ok"
    assert daemon.remind("INV-2").json["state"] == "done"
    for _ in range(200):
        if incident_of(daemon, incident)["state"] == "closed":
            return
    raise AssertionError("not over")


def test_a_kill_while_a_canary_is_under_way_lets_no_second_one_go(tmp_path):
    with World(tmp_path, ramped("[2]", POLICY)) as world:
        daemon = world.daemon
        incident = daemon.post("/v1/stops", {"scope": {"workflow": "stories"}}, token="ana").json["incident"]
        daemon.restart(incident, "go")
        world.plain.set(mode="hang")
        assert world.submit("plain", "c1", headers={"Prefer": "respond-async"}).json["state"] == "attempting"
        assert world.submit("plain", "c2", headers={"Prefer": "respond-async"}).json["state"] == "held"
        daemon.kill()
        world.plain.set(mode="ok")
        daemon.start()
        assert world.submit("plain", "c3", headers={"Prefer": "respond-async"}).json["state"] == "held"
        restart = incident_of(daemon, incident)["restart"]
        assert restart["state"] == "stuck" and restart["ramp"]["uncertain"] == 1  # nobody knows what became of it


def test_a_share_is_the_same_for_a_key_however_often_it_asks(tmp_path):
    routing = ramped("[50%]", ROUTING, "stage_due: 1h\n").replace("    body:", "    fallback: { stopped: refuse }\n    body:")
    policies = {"inquiry-routing.yaml": routing, "invoice-reminders.yaml": REMINDERS}
    with Daemon(install(tmp_path, policies=policies)) as daemon:
        incident = daemon.post("/v1/stops", {"scope": {"workflow": "inquiry-routing"}}, token="ana").json["incident"]
        daemon.restart(incident, "go")
        first = {i: daemon.route("T-%d" % i).status for i in range(40)}
        assert 8 < sum(1 for status in first.values() if status == 200) < 32
        for i, status in first.items():
            if status != 200:
                assert daemon.route("T-%d" % i).status == status


def test_status_asks_for_the_approval_and_then_for_an_acknowledgement(one_by_one):
    daemon = one_by_one
    incident = stop(daemon)
    daemon.remind("INV-1")
    ask(daemon, incident)
    assert "interlock approve %s, who may: ben (finance-leads)" % incident in daemon.get("/v1/status?format=text").text
    assert approve(daemon, incident).status == 202
    status = daemon.get("/v1/status?format=text").text
    assert status.startswith("NEEDS YOU: 1 stop unacknowledged\n") and "; interlock ack " + incident in status, status
    assert daemon.post("/v1/incidents/%s/ack" % incident, token="ben").status < 300
    assert daemon.get("/v1/status?format=text").text.startswith("Nothing needs you.")


def explained(daemon, key):
    action = daemon.remind(key).json["action"]
    return daemon.get("/v1/actions/%s/explain" % action, headers={"Accept": "text/plain"}).text


def test_what_a_ramping_stop_holds_waits_for_the_ramp(one_by_one):
    daemon = one_by_one
    incident = stop(daemon)
    assert "\nDO      interlock restart " + incident in explained(daemon, "INV-0")
    ask(daemon, incident)
    story = explained(daemon, "INV-0")
    assert "\nDO      interlock approve %s   # ana asks for a restart; who may approve it: ben (finance-leads)\n" % incident in story, story
    who = daemon.remind("INV-0").json["who"]
    assert who["person"] == "ben" and who["to_do"] == "approve the restart that is asked for"
    assert approve(daemon, incident).status == 202
    story = explained(daemon, "INV-0")
    assert "it starts at the end of the ramp" in story and "\nWHO     nobody. Next: the end of the ramp (2 one by one … 0 ok)" in story, story
    assert "\nDO      nothing" in story
    daemon.sandbox(status=404, times=1)
    daemon.remind("INV-1")  # it is stuck: people act again
    assert "\nDO      interlock restart " + incident in explained(daemon, "INV-0")


def test_the_inbox_asks_for_the_acknowledgement_of_a_stop_first(daemon):
    incident = stop(daemon)
    assert [v["verdict"] for v in daemon.get("/v1/inbox?kind=stop").json["items"][0]["verdicts"]] == ["ack", "restart"]
    assert daemon.post("/v1/incidents/%s/ack" % incident, token="ben").status < 300
    assert [v["verdict"] for v in daemon.get("/v1/inbox?kind=stop").json["items"][0]["verdicts"]] == ["restart"]


def test_a_closed_incident_says_why_it_was_stopped_and_what_it_held(daemon):
    incident = stop(daemon)
    daemon.remind("INV-1"), daemon.remind("INV-2")
    ask(daemon, incident)
    approve(daemon, incident)
    assert incident_of(daemon, incident)["why"] == "wrong"
    page = daemon.get("/v1/incidents/%s?format=text" % incident).text
    assert "by Ana Ruiz: wrong. Closed " in page and " by Ben Okafor: rolled back\n" in page, page
    assert "\nIMPACT  2 were held" in page, page


# ---- kill -9

def test_a_kill_while_it_is_approved(tmp_path):
    """At any moment around the write: the same approval again gives one ramp, and one record of it."""
    policies = {"invoice-reminders.yaml": ramped("[2]"), "inquiry-routing.yaml": ROUTING}
    with Daemon(install(tmp_path, policies=policies)) as daemon:
        was_kept = set()
        for round in range(10):
            incident = stop(daemon)
            ask(daemon, incident)
            answer = kill_while(daemon, round * 0.0015, lambda: daemon.request("POST", "/v1/incidents/%s/approve" % incident, token="ben", checked=False).status)
            state = incident_of(daemon, incident)["restart"]["state"]
            assert state in ("asked", "ramp") and (state == "ramp" or answer != 202), (state, answer)
            was_kept.add(state)
            assert approve(daemon, incident).status == 202
            restart = incident_of(daemon, incident)["restart"]
            assert restart["state"] == "ramp" and restart["ramp"]["started"] == 0
            timeline = incident_of(daemon, incident)["timeline"]
            assert [e["kind"] for e in timeline].count("restart_approved") == 1, timeline
            for i in range(2):
                assert daemon.remind("R%d-%d" % (round, i)).json["state"] == "done"
            for _ in range(200):
                if incident_of(daemon, incident)["state"] == "closed":
                    break
            assert incident_of(daemon, incident)["state"] == "closed"
        assert daemon.get("/v1/decisions/verify", token="ben").json["good"] is True


def test_a_kill_at_each_end_of_a_stage(tmp_path):
    policies = {"invoice-reminders.yaml": ramped("[1, 2]"), "inquiry-routing.yaml": ROUTING}
    with Daemon(install(tmp_path, policies=policies)) as daemon:
        incident = stop(daemon)
        assert daemon.remind("INV-0").json["state"] == "held"
        daemon.restart(incident, "go")
        texts = ["1 one by one … ok · 2 one by one … 0 ok", "1 one by one … ok · 2 one by one … 1 ok"]
        for i in range(3):
            assert daemon.remind("INV-%d" % (i + 1)).json["state"] == "done"
            daemon.kill()  # right after the end that may have passed the stage
            daemon.start()
            if i < 2:
                assert incident_of(daemon, incident)["restart"]["ramp"]["text"] == texts[i]
                assert daemon.remind("INV-0").json["state"] == "held"
        def has_left():  # done, or the last kill met it on its way: after that its retry waits for the budget
            action = daemon.remind("INV-0").json
            return action["state"] == "done" or (action["attempts"] == 1 and action["reason"] == "retry_budget_empty")
        for _ in range(400):
            if incident_of(daemon, incident)["state"] == "closed" and has_left():
                break
            threading.Event().wait(0.02)
        assert incident_of(daemon, incident)["state"] == "closed" and has_left(), daemon.remind("INV-0").json
        assert [(r["subject"], r["number"]) for r in kinds(daemon, kind="ramp")] == [("passed", 1), ("over", 2)]
        assert daemon.get("/v1/decisions/verify", token="ben").json["good"] is True


@pytest.mark.parametrize("ramp, said", [
    ("[50%, 5]", "`5` one by one is less than the share before it"),
    ("[5, 50%, 10%]", "`10%` is less than the share before it"),
    ("[0%]", "`0%` lets nothing start")])
def test_a_ramp_goes_up(tmp_path, ramp, said):
    with Daemon(install(tmp_path, policies={"invoice-reminders.yaml": ramped("[5, 50%, 50%]"), "inquiry-routing.yaml": ROUTING})) as daemon:
        refused = change(daemon, "ramp: [5, 50%, 50%]", "ramp: " + ramp, "policies/invoice-reminders.yaml")
        assert refused.status == 422 and said in refused.text and "as in  [5, 10%, 50%]" in refused.text, refused.text
