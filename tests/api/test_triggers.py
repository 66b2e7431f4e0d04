"""Triggers move the switch by themselves (R21, R22, I13): a limit of N starts lets exactly N start, labels of the draw move
to fallback, uncertain writes stop their step, and nothing of it is forgotten over kill -9, restart and reload."""
import http.client, itertools, subprocess, threading

import pytest

from interlock_client import BUILD, INSTALLATION, REMINDERS, Daemon, install
from story_world import POLICY, Crowd, World, wait_requests

HEAD = """\
workflow: w
purpose: Tell customers
owner: support
restart: support-leads
inform: support-leads
mode: auto
sensitivity: quick
triggers:
{triggers}
steps:
  tell:
    kind: email
    call: mailer POST /v1/messages
    key: ${{input.id}}
    recipient: ${{input.to}}
    summary: Message ${{input.id}}
    risk: high if input.amount > 1000
    body: {{ to: "${{input.to}}", id: "${{input.id}}" }}
    audit: {{ share: 100%, ask: "Was it right?", labels: [right, wrong], due: 1d }}
  other:
    kind: email
    call: mailer POST /v1/others
    key: ${{input.id}}
    recipient: ${{input.to}}
    body: {{ to: "${{input.to}}" }}
"""
DISTANT = "  - far: stopped if volume > 100000 in 1h\n"
LABELLERS = INSTALLATION.replace("submits: [inquiry-routing],", "submits: [w], labels: [w],").replace(
    "    idempotency: { header: Idempotency-Key, keeps: 24h }\n", "")


def world(folder, *triggers):
    lines = "".join("  - %s\n" % t for t in triggers) or DISTANT
    return install(folder, LABELLERS, {"invoice-reminders.yaml": REMINDERS, "w.yaml": HEAD.format(triggers=lines.rstrip("\n"))})


def tell(daemon, id, to=None, amount=1, step="tell", **more):
    input = {"id": str(id), "to": to or "c%s@example.org" % id, "amount": amount}
    return daemon.submit("w", step, input, token="helpdesk-bot", **more)


def positions(daemon):
    return {(s["scope"].get("workflow"), s["scope"].get("step"), s["scope"].get("risk"), s["position"], s["by"])
            for s in daemon.get("/v1/switches").json["items"]}


def records(daemon, **wanted):
    lines = daemon.get("/v1/decisions?limit=1000", headers={"Accept": "application/jsonl"}).json
    found = [line.get("record", line) for line in lines]
    return [r for r in found if all(r.get(k) == v for k, v in wanted.items())]


def verify(daemon):
    answer = daemon.get("/v1/decisions/verify", headers={"Accept": "application/json"})
    assert answer.status == 200 and answer.json["good"], answer


def restart(daemon, incident):
    assert daemon.restart(incident, "looked at").status == 202


def test_a_limit_of_n_starts_lets_exactly_n_start(tmp_path):
    with Daemon(world(tmp_path, "runaway: stopped if volume > 40 in 1h")) as daemon:
        numbers, lock, states = itertools.count(), threading.Lock(), []

        def work(_):
            with lock:
                n = next(numbers)
            if n >= 200:
                return threading.Event().wait(0.02)
            answer = tell(daemon, n)
            assert answer.status in (200, 202), answer
            with lock:
                states.append(answer.json["state"])

        crowd = Crowd(64, work)
        for _ in range(6000):
            with lock:
                if len(states) >= 200:
                    break
            threading.Event().wait(0.01)
        crowd.end()
        assert states.count("done") == 40 and states.count("held") == 160, states
        assert positions(daemon) == {("w", None, None, "stopped", "trigger runaway")}
        trip, = records(daemon, kind="tripped")
        assert trip["subject"] == "runaway" and "observed=41" in trip["trip"] and "limit=40" in trip["trip"], trip
        incident, = daemon.get("/v1/incidents").json["items"]
        assert incident["why"] == "the next start would be number 41 in 1 h, limit 40", incident
        daemon.kill()
        daemon.start()
        assert tell(daemon, "late").json["state"] == "held"
        assert positions(daemon) == {("w", None, None, "stopped", "trigger runaway")}
        assert len(records(daemon, kind="tripped")) == 1
        verify(daemon)


def test_a_batch_of_64_starts_and_kill_9_in_the_middle(tmp_path):
    """What was counted before the crossing has started, each once; nothing after it, in that batch or after a kill, has."""
    with World(tmp_path, policy=POLICY + "  - runaway: stopped if volume > 40 in 1h for plain\n") as world:
        numbers, lock, acknowledged = itertools.count(), threading.Lock(), {}

        def work(_):
            with lock:
                n = next(numbers)
            if n >= 200:
                return threading.Event().wait(0.02)
            for _ in range(2000):  # as callers do: the same key until there is an answer
                try:
                    answer = world.submit("plain", "k%d" % n, headers={"Prefer": "wait=0"})
                except (OSError, http.client.HTTPException):
                    threading.Event().wait(0.01)  # the daemon is away
                    continue
                if answer.status in (200, 202, 504):
                    with lock:
                        acknowledged[n] = answer.json
                    return None
            raise AssertionError("never answered")

        crowd = Crowd(64, work)
        wait_requests(world.plain, 15)
        world.daemon.kill()
        world.daemon.start()
        for _ in range(6000):
            with lock:
                if len(acknowledged) == 200:
                    break
            threading.Event().wait(0.01)
        crowd.end()
        items, cursor = [], ""
        while cursor is not None:
            page = world.daemon.get("/v1/actions?workflow=stories&step=plain&limit=200" + (cursor and "&cursor=" + cursor)).json
            items, cursor = items + page["items"], page["next"]
        started = [i for i in items if i["attempts"] > 0]
        assert len(items) == 200 and len(started) == 40, [(i["state"], i["attempts"]) for i in started]
        effects = world.plain.effects()
        assert effects["requests"] <= 40 and effects["requests"] >= sum(i["state"] == "done" for i in started), effects
        assert ("stories", "plain", None, "stopped", "trigger runaway") in positions(world.daemon)
        verify(world.daemon)


def test_the_count_is_kept_over_kill_9_and_reload(tmp_path):
    folder = world(tmp_path, "runaway: stopped if volume > 6 in 1h")
    with Daemon(folder) as daemon:
        for n in range(3):
            assert tell(daemon, n).json["state"] == "done"
        daemon.kill()
        daemon.start()
        for n in range(3, 6):
            assert tell(daemon, n).json["state"] == "done"
        # another definition of the same window keeps what it has counted
        world(tmp_path, "runaway: stopped if volume > 7 in 1h")
        assert daemon.post("/v1/admin/reload").status == 200
        assert tell(daemon, 6).json["state"] == "done"
        assert tell(daemon, 7).json["state"] == "held"
        incident, = daemon.get("/v1/incidents").json["items"]
        assert incident["why"] == "the next start would be number 8 in 1 h, limit 7"
        # an approved restart counts anew; what a restart lets go counts apart
        restart(daemon, incident["id"])
        for n in range(10, 17):
            assert tell(daemon, n).json["state"] == "done", n
        assert tell(daemon, 17).json["state"] == "held"
        verify(daemon)


def test_a_renamed_workflow_goes_on_counting(tmp_path):
    lines = ["runaway: stopped if volume > 5 in 1h", "again: review if repeat(input.to) > 2 in 1d for tell"]
    folder = world(tmp_path, *lines)
    with Daemon(folder) as daemon:
        for n in range(2):
            assert tell(daemon, n, to="m@example.org").json["state"] == "done"
        policy = HEAD.format(triggers="\n".join("  - %s" % line for line in lines))
        install(tmp_path, LABELLERS.replace("[w]", "[v]"), {
            "invoice-reminders.yaml": REMINDERS, "w.yaml": policy.replace("workflow: w\n", "workflow: v\nwas: [w]\n")})
        answer = daemon.post("/v1/admin/reload")
        assert answer.status == 200, answer
        daemon.kill()
        daemon.start()

        def told(id, to):
            return daemon.submit("v", "tell", {"id": id, "to": to, "amount": 1}, token="helpdesk-bot").json["state"]

        assert [told("k%d" % n, "n%d@example.org" % n) for n in range(2)] == ["done", "done"]
        assert told("again", "m@example.org") == "in_review"
        assert told("k3", "o@example.org") == "in_review"
        verify(daemon)


def test_a_sum_stops_before_it_is_exceeded(tmp_path):
    with Daemon(world(tmp_path, "spent: stopped if sum(input.amount) > 100 in 1d for tell")) as daemon:
        assert tell(daemon, 1, amount=60).json["state"] == "done"
        assert tell(daemon, 2, amount=40).json["state"] == "done"
        assert tell(daemon, 3, amount=0.5).json["state"] == "held"
        assert tell(daemon, 3, amount=0.5).json["replayed"]
        assert positions(daemon) == {("w", "tell", None, "stopped", "trigger spent")}
        incident, = daemon.get("/v1/incidents").json["items"]
        assert incident["why"] == "the next start would bring the sum of input.amount in 1 d to 100.5, limit 100"
        assert tell(daemon, 4, step="other").json["state"] == "done"
        # what cannot be added up is shown to a person
        restart(daemon, incident["id"])
        assert tell(daemon, 5, amount="many").json["state"] == "in_review"


def test_the_same_recipient_is_not_told_over_and_over(tmp_path):
    with Daemon(world(tmp_path, "again: review if repeat(input.to) > 2 in 1d for tell")) as daemon:
        for n in range(2):
            assert tell(daemon, n, to="m@example.org").json["state"] == "done"
        assert tell(daemon, 2, to="n@example.org").json["state"] == "done"
        daemon.kill()
        daemon.start()
        assert tell(daemon, 3, to="m@example.org").json["state"] == "in_review"
        assert positions(daemon) == {("w", "tell", None, "review", "trigger again")}
        incident, = daemon.get("/v1/incidents").json["items"]
        assert incident["why"] == "the next start would be number 3 for the same input.to in 1 d, limit 2"
        assert not any("example.org" in str(r) for r in records(daemon, kind="tripped"))


def test_the_standard_repeat_is_by_the_recipient_of_the_step(tmp_path):
    with Daemon(world(tmp_path)) as daemon:  # quick: half of 3 in 24 h
        for n in range(2):
            assert tell(daemon, n, to="m@example.org").json["state"] == "done"
        assert tell(daemon, 2, to="m@example.org").json["state"] == "held"
        assert positions(daemon) == {("w", "tell", None, "stopped", "trigger repeat")}


def test_uncertain_writes_stop_their_step(tmp_path):
    with Daemon(world(tmp_path)) as daemon:  # quick: more than 3 of them, the first one is told
        daemon.sandbox(lose=100)
        for n in range(3):
            assert tell(daemon, n, headers={"Prefer": "wait=60"}).json["state"] == "uncertain"
        assert positions(daemon) == set()
        assert [r["subject"] for r in records(daemon, kind="tripped")] == ["uncertain"]  # the alert
        assert tell(daemon, 3, headers={"Prefer": "wait=60"}).json["state"] == "uncertain"
        assert positions(daemon) == {("w", "tell", None, "stopped", "trigger uncertain")}
        assert tell(daemon, 4).json["state"] == "held"
        incident, = [i for i in daemon.get("/v1/incidents").json["items"] if i["stops"]]
        assert incident["why"] == "4 uncertain in 1 h, limit 3"


def test_wrong_labels_of_the_draw_move_to_fallback(tmp_path):
    with Daemon(world(tmp_path, "misrouted: fallback if misclassified > 10%")) as daemon:
        done = [tell(daemon, n).json["action"] for n in range(24)]
        for n, action in enumerate(done):
            label = "right" if n % 3 == 0 else "wrong"
            assert daemon.post("/v1/workflows/w/labels", {"action": action, "label": label}, token="ana").status == 200
            if n == 4:  # a fifth of the way: caution, without an incident
                assert positions(daemon) == {("w", None, None, "caution", "trigger misrouted")}
                assert daemon.get("/v1/incidents").json["items"] == []
                daemon.kill()
                daemon.start()
        assert positions(daemon) == {("w", None, None, "fallback", "trigger misrouted")}
        incident, = daemon.get("/v1/incidents").json["items"]
        assert incident["why"] == "13 of the last 20 audited were wrong, limit 10 %", incident
        assert tell(daemon, "next").json["state"] == "in_review"
        verify(daemon)


def test_complaints_do_not_feed_what_the_draw_feeds(tmp_path):
    folder = world(tmp_path, "misrouted: fallback if misclassified > 10%", "bad: alert if complaints > 2 in 1h")
    text = (folder / "policies" / "w.yaml").read_text().replace("share: 100%", "share: 0%")
    (folder / "policies" / "w.yaml").write_text(text)
    with Daemon(folder) as daemon:
        for n in range(25):
            action = tell(daemon, n).json["action"]
            assert daemon.post("/v1/workflows/w/labels", {"action": action, "label": "wrong"}, token="ana").status == 200
        assert positions(daemon) == set()
        trip, = records(daemon, kind="tripped")
        assert trip["subject"] == "bad" and "to=alert" in trip["trip"]


def test_a_risk_class_stops_alone(tmp_path):
    with Daemon(world(tmp_path, "large: stopped if volume > 2 in 1h for risk high")) as daemon:
        for n in range(2):
            assert tell(daemon, n, amount=5000).json["state"] == "done"
        assert tell(daemon, 2, amount=5000).json["state"] == "held"
        assert tell(daemon, 3, amount=5).json["state"] == "done"
        assert positions(daemon) == {("w", None, "high", "stopped", "trigger large")}


def test_an_alert_lets_the_start_go_and_is_recorded(tmp_path):
    with Daemon(world(tmp_path, "many: alert if volume > 2 in 1h")) as daemon:
        for n in range(4):
            assert tell(daemon, n).json["state"] == "done"
        assert positions(daemon) == set()
        trip, = records(daemon, kind="tripped")
        assert "observed=3" in trip["trip"]


def trigger(daemon, name):
    items = daemon.get("/v1/workflows/w/triggers", token="ana").json["items"]
    return [t for t in items if t["name"] == name][0]


def signal(daemon, id, value, name="drift", token="helpdesk-bot"):
    return daemon.post("/v1/workflows/w/signals", {"id": id, "name": name, "value": value}, token=token)


def test_a_posted_signal_counts_once_and_moves_the_switch(tmp_path):
    with Daemon(world(tmp_path, "drifts: review if posted(drift) > 3", "burst: alert if posted(errs) > 10 in 1h")) as daemon:
        assert signal(daemon, "a", 2.5).status == 200
        assert trigger(daemon, "drifts")["now"] == "drift is 2.5, limit 3"
        assert signal(daemon, "b", 6, name="errs").status == 200
        assert signal(daemon, "b", 6, name="errs").status == 200
        daemon.kill()
        daemon.start()
        assert signal(daemon, "b", 6, name="errs").status == 200
        assert trigger(daemon, "burst")["now"] == "the sum of errs in 1 h is 6, limit 10"
        assert signal(daemon, "c", 3.5).status == 200
        assert positions(daemon) == {("w", None, None, "review", "trigger drifts")}
        assert trigger(daemon, "drifts")["state"] == "tripped" and trigger(daemon, "drifts")["stop"]
        assert b'interlock_trigger_level{workflow="w",trigger="drifts",step="",risk="",to="review"} 2' in daemon.get("/metrics").body
        assert tell(daemon, 1).json["state"] == "in_review"
        refused = signal(daemon, "d", 1, name="drft")
        assert refused.status == 422 and "drift" in refused.json["detail"], refused
        assert signal(daemon, "d", 1, token="billing-cron").status == 403
        assert daemon.post("/v1/workflows/w/signals", {"name": "drift", "value": 1}, token="helpdesk-bot").status == 422
        verify(daemon)


def test_status_shows_an_alert_that_no_stop_stands_for(tmp_path):
    with Daemon(world(tmp_path, "odd: alert if misclassified > 10%", "many: alert if volume > 5 in 1h")) as daemon:
        def lines():
            text = daemon.get("/v1/status", headers={"Accept": "text/plain"}).body.decode()
            return [line for line in text.splitlines() if " by trigger " in line]

        done = [tell(daemon, n).json["action"] for n in range(5)]
        assert lines() == [] and daemon.get("/v1/status").json["triggers"] == []
        for action in done[:2]:
            assert daemon.post("/v1/workflows/w/labels", {"action": action, "label": "wrong"}, token="ana").status == 200
        odd = "w                     near an alert by trigger odd: 2 of the last 2 audited were wrong, limit 10 %"
        assert lines() == [odd]
        assert tell(daemon, 5).json["state"] == "done"
        incident, = daemon.get("/v1/status").json["incidents"]
        assert lines() == [odd]  # the incident says it
        closed = daemon.post("/v1/incidents/%s/close" % incident["id"], {"reason": "known"}, token="ana")
        assert closed.status == 200, closed
        daemon.kill()
        daemon.start()
        first, many = lines()
        assert first == odd and many.startswith("w                     alert since ")
        assert many.endswith(" by trigger many: 6 starts in 1 h, limit 5"), many
        assert [t["state"] for t in daemon.get("/v1/status").json["triggers"]] == ["warned", "tripped"]


def test_a_heartbeat_is_taken(tmp_path):
    with Daemon(world(tmp_path, "quiet: alert if silent > 1h")) as daemon:
        assert daemon.post("/v1/workflows/w/heartbeat", token="helpdesk-bot").status == 200
        assert daemon.post("/v1/workflows/w/heartbeat", token="eve").status == 403
        quiet = trigger(daemon, "quiet")
        assert quiet["state"] == "normal" and quiet["watches"] == "alert when the time since the last sign is above 1 h"


def test_what_is_near_its_limit_is_shown(tmp_path):
    with Daemon(world(tmp_path)) as daemon:
        volume = trigger(daemon, "far")
        assert volume["watches"] == "stopped when the number of starts in 1 h is above 100000" and not volume["standard"]
        tell(daemon, 1)
        assert trigger(daemon, "far")["numbers"] == {"observed": 1, "limit": 100000, "is_share": False}
        wrong = trigger(daemon, "misclassified")
        assert wrong["standard"] and wrong["now"] == "0 of the last 0 audited were wrong, limit 10 %"


def test_check_says_what_each_trigger_watches(tmp_path):
    folder = world(tmp_path, "misrouted: fallback if misclassified > 5%", "runaway: stopped if volume > 500 in 1h for other",
                   "bad: review if degraded > 3")
    done = subprocess.run([str(BUILD / "interlock"), "check", "--expand"], cwd=folder, capture_output=True, text=True, timeout=60)
    lines = done.stdout.split("# w: what moves its switch by itself\n")[1].splitlines()
    assert lines[0] == ("#   misrouted: fallback when more than 5 % of the audited were wrong; asked at each one from the 20th on, caution before that; "
                        "a false trip comes no sooner than once in 100"), lines
    assert any(line.endswith(": alert when an action became uncertain") for line in lines), lines
    assert "#   bad: review when the number of degraded actions in 1 h is above 3" in lines
    assert lines[1] == "#   runaway (other): stopped when the number of starts in 1 h is above 500", lines
    assert "#   repeat (tell): stopped when the number of starts to the same recipient in 1 d is above 2" in lines


CONFIDENT = "    confidence: at least 0.8\n    rules:\n      - ask: review if input.amount > 500\n    risk: high"


def careful(folder, *triggers):
    """The same, with a gate of confidence and a rule that asks people."""
    folder = world(folder, *triggers)
    path = folder / "policies" / "w.yaml"
    path.write_text(path.read_text().replace("    risk: high", CONFIDENT))
    return folder


def test_what_people_and_callers_say_is_watched(tmp_path):
    """low_confidence at submits, overrides at verdicts; an hour without `in`."""
    with Daemon(careful(tmp_path, "unsure: review if low_confidence > 2", "people: stopped if overrides > 2")) as daemon:
        assert [tell(daemon, n, confidence=0.3).json["state"] for n in range(3)] == ["in_review"] * 3
        assert positions(daemon) == {("w", None, None, "review", "trigger unsure")}
        for n in range(3):
            review = daemon.action(daemon.get("/v1/actions?key=%d" % n).json["items"][0]["action"])["review"]
            assert daemon.post("/v1/reviews/%s/verdict" % review, {"verdict": "reject"}, token="ana").status == 200
        assert ("w", None, None, "stopped", "trigger people") in positions(daemon)
        for _ in range(200):  # its words are read from the store
            incident, = daemon.get("/v1/incidents").json["items"]  # the second one joins
            if incident["stops"][-1]["reason"]:
                break
        assert incident["why"] == "3 actions below the confidence limit in 1 h, limit 2"
        assert [s["reason"] for s in incident["stops"]] == [incident["why"], "3 verdicts that were no approval in 1 h, limit 2"]
        assert trigger(daemon, "people")["now"] == "3 verdicts that were no approval in 1 h, limit 2"


def test_what_takes_long_is_watched(tmp_path):
    with Daemon(world(tmp_path, "late: fallback if latency > 10ms", "slow: alert if latency > 10ms for tell")) as daemon:
        daemon.sandbox(slow_ms=40)
        for n in range(40):  # on caution a part goes to people
            if any(p[3] == "fallback" for p in positions(daemon)):
                break
            assert tell(daemon, n).json["state"] in ("done", "in_review"), n
        assert positions(daemon) == {("w", None, None, "fallback", "trigger late")}
        said = "20 of the last 20 actions took longer than 10 ms, limit 5 %"
        assert {i["why"] for i in daemon.get("/v1/incidents").json["items"]} == {said}, daemon.get("/v1/incidents").json
        assert trigger(daemon, "slow")["state"] == "tripped" and trigger(daemon, "slow")["now"] == said


def test_what_is_expected_stands_beside_a_silence_of_ones_own(tmp_path):
    folder = world(tmp_path, "hush: stopped if silent > 20h")
    path = folder / "policies" / "w.yaml"
    path.write_text(path.read_text().replace("mode: auto\n", "mode: auto\nexpect: daily by 09:00\n"))
    with Daemon(folder) as daemon:
        items = daemon.get("/v1/workflows/w/triggers", token="ana").json["items"]
        assert {(t["name"], t["moves_to"]) for t in items if t["signal"] == "silent"} == {("silent", "alert"), ("hush", "stopped")}
        assert daemon.post("/v1/workflows/w/heartbeat", token="helpdesk-bot").status == 200
        assert trigger(daemon, "silent")["now"] == "what was expected by now has come"
