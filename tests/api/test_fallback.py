"""Fallbacks by cause, with real processes: what a second provider, a template and a full inbox do, and that
none of them is used while the first call may have happened (R1)."""
import re, threading

import pytest

from story_world import World, wait_requests

POLICY = """\
workflow: stories
purpose: Each kind of fallback, at providers that count
owner: finance
restart: finance-leads
inform: ana
mode: auto
steps:
  mail:
    kind: webhook
    call: keyed POST /v1/mail
    key: ${input.id}
    body: { id: "${input.id}" }
    retry: { attempts: 2, backoff: 10ms..50ms }
    timeout: 2s
    fallback:
      unavailable: [ upstream plain, template later ]
      failed: [ upstream plain, template sorry, template later ]
      stopped: template later
    templates:
      later: { answer: { queue: later, id: "${input.id}" } }
      sorry: { body: { id: "${input.id}", sorry: "yes" } }
  classify:
    kind: webhook
    call: plain POST /v1/classify
    key: ${input.id}
    body: { id: "${input.id}" }
    confidence: at least 0.8
    risk: high if input.id.startsWith("high")
    fallback:
      low_confidence:
        - review, due 4h, at most 2 open, then template named
        - template general
      stopped: template general
    templates:
      named: { answer: { queue: general, team: "${input.team}" } }
      general: { answer: { queue: general } }
  queue:
    kind: webhook
    call: keyed POST /v1/queue
    key: ${input.id}
    body: { id: "${input.id}" }
    retry: { attempts: 2, backoff: 10ms..50ms }
    fallback:
      unavailable:
        - hold 1d, at most 2, then template full
    templates:
      full: { answer: { queue: full } }
  job:
    kind: command
    call: caller
    key: ${input.id}
    confidence: at least 0.8
    fallback:
      low_confidence: template by-hand
    templates:
      by-hand: { answer: { do: "the list by hand" } }
"""


@pytest.fixture
def world(tmp_path):
    with World(tmp_path, policy=POLICY) as running:
        yield running


def submit(world, step, id, **more):
    body = dict(input=dict({"id": id}, **more.pop("input", {})), **more)
    return world.daemon.post("/v1/workflows/stories/steps/%s/actions" % step, body, token="billing-cron",
                             headers={"Prefer": "wait=20"})


def explain(world, action):
    return world.daemon.get("/v1/actions/%s/explain" % action, headers={"Accept": "text/plain"}).text


def test_the_second_mailer_does_it_when_the_first_says_no(world):
    world.keyed.set(mode="status:422")
    answer = submit(world, "mail", "m1")
    assert answer.status == 200 and answer.json["state"] == "done", answer
    assert answer.json["degraded"] == "failed" and answer.headers["interlock-degraded"] == "failed"
    assert answer.json["response"]["status"] == 200 and answer.json["attempts"] == 2
    assert world.plain.effects()["by"] == {"m1": 1} and world.keyed.effects()["by"] == {}
    text = explain(world, answer.json["action"])
    assert "by upstream plain" in text and "degraded: failed" in text, text
    again = submit(world, "mail", "m1")
    assert again.json["replayed"] and world.plain.effects()["requests"] == 1


def test_status_is_degraded_until_three_went_without_the_fallback(world):
    def status():
        answer = world.daemon.get("/v1/status").json
        return answer["state"], answer["exit"]

    assert status() == ("fine", 0)
    world.keyed.set(mode="status:422")
    assert submit(world, "mail", "d0").json["degraded"] == "failed"
    assert status() == ("degraded", 1)
    world.keyed.set(mode="ok")
    for n in range(1, 4):
        assert status() == ("degraded", 1), n
        assert submit(world, "mail", "d%d" % n).json["degraded"] is None
    assert status() == ("fine", 0)


def test_the_second_mailer_when_the_first_is_away_then_a_template(world):
    world.keyed.close()
    answer = submit(world, "mail", "m2")
    assert answer.json["state"] == "done" and answer.json["degraded"] == "unavailable", answer
    assert world.plain.effects()["by"] == {"m2": 1}
    world.plain.set(mode="status:422")
    answer = submit(world, "mail", "m3")
    assert answer.status == 200 and answer.json["degraded"] == "unavailable", answer
    assert answer.json["response"] == {"status": None, "body": {"queue": "later", "id": "m3"}}
    assert answer.json["why"].startswith("the call of the step was not possible: keyed "), answer
    text = explain(world, answer.json["action"])
    assert "template later (upstream plain: will not do it)" in text, text
    assert submit(world, "mail", "m3").json["response"] == answer.json["response"]


def test_a_queue_that_is_full_goes_on_to_what_follows(world):
    world.keyed.close()
    states = [submit(world, "queue", "q%d" % n).json for n in range(4)]
    assert [a["state"] for a in states] == ["held", "held", "done", "done"], states
    assert states[3]["degraded"] == "unavailable" and states[3]["response"] == {"status": None, "body": {"queue": "full"}}
    world.daemon.kill()
    world.daemon.start()
    assert submit(world, "queue", "q4").json["state"] == "done"
    assert world.daemon.post("/v1/actions/%s/cancel" % states[0]["action"], {"reason": "not needed"}, token="ana").status < 300
    assert submit(world, "queue", "q5").json["state"] == "held"  # there is room again


def test_never_the_second_mailer_while_the_first_may_have_sent(world):
    """R1: attempt 1 times out, attempt 2 gets 401 (its token was rotated)."""
    answers = []
    world.keyed.set(mode="effect-drop", delay_ms=300)
    thread = threading.Thread(target=lambda: answers.append(submit(world, "mail", "m4")))
    thread.start()
    wait_requests(world.keyed, 1)
    world.keyed.set(mode="status:401", delay_ms=0)
    thread.join(60)
    assert answers[0].json["state"] == "uncertain" and answers[0].json["degraded"] is None, answers[0]
    assert world.keyed.effects()["by"] == {"m4": 1} and world.plain.effects()["requests"] == 0
    # Known not to have happened only by a person's word; then it is the first mailer's again, and no more.
    done = world.daemon.post("/v1/actions/%s/resolve" % answers[0].json["action"], {"happened": True, "evidence": "their list"}, token="ana")
    assert done.json["state"] == "done" and done.json["degraded"] is None
    assert world.plain.effects()["requests"] == 0


def test_a_template_is_sent_through_the_call_of_the_step(world):
    world.keyed.set(mode="status:422")
    world.plain.set(mode="status:422")
    answer = submit(world, "mail", "m5")  # the keyed one refuses the template's body as well
    assert answer.json["response"]["body"] == {"queue": "later", "id": "m5"} and answer.json["attempts"] == 3, answer
    text = explain(world, answer.json["action"])
    assert "upstream plain: will not do it" in text and "template sorry: will not do it" in text, text


def test_a_full_inbox_is_not_the_outage(world):
    for n in range(2):
        assert submit(world, "classify", "c%d" % n, confidence=0.3).json["state"] == "in_review"
    named = submit(world, "classify", "c2", confidence=0.3, input={"team": "refunds"})
    assert named.status == 200 and named.json["response"]["body"] == {"queue": "general", "team": "refunds"}, named
    assert named.headers["interlock-degraded"] == "low_confidence"
    # Without the field that the template needs: the entry behind it, never an empty text.
    general = submit(world, "classify", "c3", confidence=0.3)
    assert general.json["response"]["body"] == {"queue": "general"}, general
    text = explain(world, general.json["action"])
    assert "2 of 2 are open" in text and "needs a field that this input does not have" in text, text
    assert world.plain.effects()["requests"] == 0
    # A place gets free; over a restart the count is the same.
    world.daemon.stop()
    world.daemon.start()
    assert submit(world, "classify", "c4", confidence=0.3).json["state"] == "done"
    review = world.find("classify", "c0")
    assert world.daemon.post("/v1/reviews/%s/verdict" % review["review"], {"verdict": "reject", "note": "no"}, token="ana").status == 200
    assert submit(world, "classify", "c5", confidence=0.3).json["state"] == "in_review"
    counted = world.daemon.get("/metrics").text
    assert 'interlock_degraded_total{workflow="stories",step="classify",cause="low_confidence"} 1\n' in counted, counted


def test_at_a_stop_the_template_answers(world):
    stop = world.daemon.post("/v1/stops", {"scope": {"workflow": "stories"}, "reason": "wrong teams"}, token="ana")
    assert stop.status == 202
    answer = submit(world, "mail", "m6")
    assert answer.status == 200 and answer.json["degraded"] == "stopped", answer
    assert world.keyed.effects()["requests"] == 0
    assert re.fullmatch(r"stopped by Ana Ruiz at \d\d:\d\d:\d\d", answer.json["why"]), answer
    status = world.daemon.get("/v1/status").json
    flow = next(w for w in status["workflows"] if w["workflow"] == "stories")
    assert flow["degraded"]["stopped"] == 1, flow
    asked = world.daemon.post("/v1/incidents/%s/restart" % stop.json["incident"], {"reason": "mended"}, token="ana")
    assert asked.status == 202, asked
    assert world.daemon.post("/v1/incidents/%s/approve" % stop.json["incident"], {}, token="ben").status == 202
    world.daemon.kill()
    world.daemon.start()
    assert "\nWHY     " + answer.json["why"] + "\n" in explain(world, answer.json["action"])


def test_the_risky_branch_pauses_the_rest_goes_on(world):
    stop = world.daemon.post("/v1/stops", {"scope": {"workflow": "stories", "risk": "high"}, "reason": "refunds"}, token="ana")
    assert stop.status == 202
    high = submit(world, "classify", "high-1", confidence=0.9)
    low = submit(world, "classify", "low-1", confidence=0.9)
    assert high.json["degraded"] == "stopped" and low.json["state"] == "done" and low.json["degraded"] is None
    assert world.plain.effects()["by"] == {"low-1": 1}
    status = world.daemon.get("/v1/status").json
    flow = next(w for w in status["workflows"] if w["workflow"] == "stories")
    step = next(s for s in flow["steps"] if s["step"] == "classify")
    shares = {r["class"]: r for r in step["risk"]}
    assert shares["high"]["automatic"] == 0 and shares["high"]["by_fallback"] == 1 and shares["high"]["degraded"] == 1, shares
    assert flow["automatic"] == 1 and flow["by_template"] + flow["by_fallback"] == 1, flow
    assert shares["normal"]["automatic"] == 1 and shares["normal"]["degraded"] == 0, shares
    text = world.daemon.get("/v1/status", headers={"Accept": "text/plain"}).text
    assert "classify: high 50.0 %" in text and "1 automatic · 1 by " in text, text


def test_the_answer_says_what_the_caller_should_do_instead(world):
    low = submit(world, "job", "j1", confidence=0.2)
    assert low.status == 200 and "permit" not in low.json, low
    assert low.json["response"]["body"] == {"do": "the list by hand"} and low.json["instead"] == "answer"
    sure = submit(world, "job", "j2", confidence=0.9)
    assert sure.json["permit"]["token"] and sure.json["instead"] is None


def test_a_crash_between_the_entries(world):
    """The second mailer is under way when interlock is killed: uncertain, and nothing else is sent."""
    world.keyed.set(mode="status:422")
    world.plain.set(mode="effect-drop", delay_ms=400)
    thread = threading.Thread(target=lambda: pytest.raises(Exception, submit, world, "mail", "m7"))
    thread.start()
    wait_requests(world.plain, 1)
    world.daemon.kill()
    thread.join(60)
    world.plain.set(mode="ok", delay_ms=0)
    world.daemon.start()
    action = world.wait("mail", "m7", "uncertain")
    assert action["state"] == "uncertain" and world.plain.effects()["by"] == {"m7": 1}, action
    assert world.keyed.effects()["requests"] == 1


def test_try_shows_the_lists(world):
    answer = world.daemon.post("/v1/workflows/stories/steps/classify/actions?dry_run=1", {"input": {"id": "t1"}, "confidence": 0.3},
                               token="billing-cron", headers={"Accept": "text/plain"})
    assert "IF UNSURE  below 0.8 ask finance while fewer than 2 wait, else answer with the template named, " \
           "else answer with the template general" in answer.text, answer.text
    answer = world.daemon.post("/v1/workflows/stories/steps/mail/actions?dry_run=1", {"input": {"id": "t2"}}, token="billing-cron",
                               headers={"Accept": "text/plain"})
    assert "IF DOWN  try plain, else answer with the template later" in answer.text, answer.text
    world.daemon.post("/v1/stops", {"scope": {"workflow": "stories"}, "reason": "x"}, token="ana")
    answer = world.daemon.post("/v1/workflows/stories/steps/mail/actions?dry_run=1", {"input": {"id": "t3"}}, token="billing-cron",
                               headers={"Accept": "text/plain"})
    assert answer.text.startswith("WOULD    answer with the template later: switch stopped"), answer.text
    assert world.keyed.effects()["requests"] == 0


def test_a_second_upstream_on_fallback_is_passed_for_the_entry_behind_it(world):
    stop = world.daemon.post("/v1/stops", {"scope": {"upstream": "plain"}, "position": "fallback"}, token="ben")
    assert stop.status == 202, stop
    world.keyed.set(mode="status:422")
    answer = submit(world, "mail", "closed")
    assert answer.status == 200 and answer.json["reason"] == "template", answer
    assert answer.json["response"]["body"] == {"queue": "later", "id": "closed"} and world.plain.effects()["by"] == {}


MASKED = """\
workflow: stories
purpose: An answer that repeats what is masked
owner: finance
restart: finance-leads
inform: ana
mode: auto
steps:
  tell:
    kind: email
    recipient: ${input.email}
    call: plain POST /v1/tell
    key: ${input.id}
    mask: [email]
    body: { to: "${input.email}" }
    confidence: at least 0.8
    fallback:
      low_confidence: template by-hand
    templates:
      by-hand: { answer: { write_to: "${input.email}", by: hand } }
"""


def test_an_answer_shows_a_masked_field_to_its_submitter_only(tmp_path):
    """R23: the caller has its own words back; whoever may only look at the action sees hints."""
    with World(tmp_path, policy=MASKED) as world:
        def tell():
            return submit(world, "tell", "t1", input={"email": "mona@example.org"}, confidence=0.1)

        told = tell()
        assert told.json["reason"] == "template", told
        action = told.json["action"]
        for answer in (told, tell(), world.daemon.get("/v1/actions/" + action, token="billing-cron")):
            body = answer.json["response"]["body"]
            assert body == {"write_to": "mona@example.org", "by": "hand"}, answer
        for path in ("/v1/actions/" + action, "/v1/actions/%s/explain" % action, "/v1/actions?workflow=stories"):
            seen = world.daemon.get(path, token="ana", headers={"Accept": "application/json"})
            assert seen.status == 200 and "mona@" not in seen.text and "by-hand" in seen.text, seen
            assert '"write_to":"m\u2026@example.org"' in seen.text.replace(" ", ""), seen


ENDS = """\
workflow: stories
owner: finance
restart: finance-leads
inform: ana
mode: auto
steps:
  skips:
    kind: webhook
    call: plain POST /v1/skips
    key: ${input.id}
    fallback:
      failed: skip
  refuses:
    kind: webhook
    call: plain POST /v1/refuses
    key: ${input.id}
    retry: { attempts: 1 }
    fallback:
      unavailable: refuse
"""


def test_explain_says_that_the_policy_ended_it(tmp_path):
    """Nobody cancelled it, and the policy was not silent either."""
    with World(tmp_path, policy=ENDS) as world:
        world.plain.set(mode="status:422")
        skipped = submit(world, "skips", "s1").json
        assert skipped["state"] == "cancelled" and " → failed: skip\n" in explain(world, skipped["action"]), explain(world, skipped["action"])
        world.plain.set(mode="status:429")
        refused = submit(world, "refuses", "r1").json
        assert refused["state"] == "failed" and refused["why"] == "its one try is used; then the policy says: refuse", refused


def test_what_nobody_decided_in_time_is_not_reviewed(tmp_path):
    """The review ran out, and another upstream did it: that is the fallback's work, not people's."""
    policy = POLICY.replace("        - review, due 4h, at most 2 open, then template named\n        - template general\n",
                            "        - review, due 1s, at due then upstream keyed\n")
    with World(tmp_path, policy=policy) as world:
        world.submit("classify", "a", confidence=0.1)
        assert world.wait("classify", "a", "done")["degraded"] == "low_confidence"
        flow = world.daemon.get("/v1/status").json["workflows"][0]
        assert (flow["by_fallback"], flow["reviewed"], flow["automatic"]) == (1, 0, 0), flow
