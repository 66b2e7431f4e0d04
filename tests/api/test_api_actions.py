"""Submits and what becomes of them, over the real daemon and its sandbox: statuses of design 4.4, headers,
replays, conflicts, reading, and what people do. Each answer is held to docs/openapi.json by the client."""
import itertools, socket

import pytest

NUMBER = itertools.count(1)


@pytest.fixture
def invoice():
    return "INV-%04d" % next(NUMBER)


@pytest.fixture
def well(shared):
    """The shared daemon with its sandboxes well-behaved."""
    for upstream in ("mailer", "helpdesk"):
        shared.sandbox(upstream, down=False, lose=0, status=0, slow_ms=0)
    return shared


def test_a_refusal_by_the_server_itself_says_that_there_is_no_action(well):
    with socket.create_connection((well.host, well.port), timeout=60) as wire:
        wire.sendall(b"GET / HTTP/9.9\r\n\r\n")
        answer = b"".join(iter(lambda: wire.recv(4096), b"")).decode()
    assert answer.startswith("HTTP/1.1 505 ") and "interlock-state: none\r\n" in answer.lower(), answer
    assert well.get("/v1/actions/a_0000000000001").headers["interlock-state"] == "none"


def test_done(well, invoice):
    answer = well.remind(invoice)
    assert answer.status == 200 and answer.headers["interlock-state"] == "done"
    assert answer.json["state"] == "done" and answer.json["key"] == invoice + ":1"
    assert answer.json["response"]["status"] == 200
    assert "location" not in answer.headers and "x-should-retry" not in answer.headers


def test_a_repeat_is_answered_and_never_acts(well, invoice):
    first = well.remind(invoice)
    effects = well.sandbox()["effects"]
    again = well.remind(invoice)
    assert again.status == 200 and again.headers["idempotency-replayed"] == "true"
    assert again.json["action"] == first.json["action"] and again.json["response"] == first.json["response"]
    assert well.sandbox()["effects"] == effects


def test_the_same_key_with_other_input_is_a_conflict(well, invoice):
    well.remind(invoice, email="m@example.org")
    answer = well.remind(invoice, email="other@example.org")
    assert answer.status == 422 and answer.json["type"].endswith(":key-conflict")
    assert "email" in answer.json["detail"] and "other@example.org" not in answer.text


def test_a_key_that_is_not_the_policys(well, invoice):
    answer = well.remind(invoice, key="mine")
    assert answer.status == 400 and answer.json["type"].endswith(":key-differs")
    assert well.remind(invoice, key='"%s:1"' % invoice).status == 200


def test_a_write_without_a_key(well):
    answer = well.submit("inquiry-routing", "route_ticket", {"ticket": "T-0", "team": "x"}, token="helpdesk-bot", confidence=1)
    assert answer.status == 428 and "Idempotency-Key" in answer.json["detail"]


def test_rejected_by_a_rule(well, invoice):
    answer = well.remind(invoice, balance=0)
    assert answer.status == 403 and answer.json["state"] == "rejected" and answer.json["retryable"] is False
    assert answer.headers["x-should-retry"] == "false" and answer.headers["interlock-state"] == "rejected"
    assert "paid-already" in answer.json["why"]


def test_review_approved(well, invoice):
    answer = well.remind(invoice, balance=20000)
    assert answer.status == 202 and answer.json["state"] == "in_review"
    assert answer.headers["location"] == "/v1/actions/" + answer.json["action"]
    assert answer.json["who"]["group"] == "finance"
    item = next(i for i in well.get("/v1/inbox").json["items"] if i["action"] == answer.json["action"])
    assert item["kind"] == "review" and item["id"] == answer.json["review"]
    taken = well.post("/v1/reviews/%s/verdict" % item["id"], {"verdict": "approve", "digest": item["digest"]}, token="ana")
    assert taken.status == 200
    assert well.remind(invoice, balance=20000).json["state"] == "done"
    same = well.post("/v1/reviews/%s/verdict" % item["id"], {"verdict": "approve"}, token="ana")
    assert same.status == 200, same
    other = well.post("/v1/reviews/%s/verdict" % item["id"], {"verdict": "reject"}, token="ana")
    assert other.status == 409 and other.json["action"] == answer.json["action"]


def test_review_rejected_then_again(well, invoice):
    action = well.remind(invoice, balance=20000).json
    taken = well.post("/v1/reviews/%s/verdict" % action["review"], {"verdict": "reject", "note": "paid"}, token="ben")
    assert taken.status == 200 and taken.json["state"] == "rejected"
    assert well.remind(invoice, balance=20000).status == 403
    new = well.post("/v1/actions/%s/again" % action["action"], {"reason": "it bounced"}, token="ana")
    assert new.status == 202 and new.json["again_of"] == action["action"] and new.json["key"] == action["key"]
    assert well.remind(invoice, balance=20000).json["action"] == new.json["action"]


def test_a_digest_of_something_else_decides_nothing(well, invoice):
    action = well.remind(invoice, balance=20000).json
    taken = well.post("/v1/reviews/%s/verdict" % action["review"], {"verdict": "approve", "digest": "0" * 32}, token="ana")
    assert taken.status == 409 and "look again" in taken.json["detail"]
    assert well.action(action["action"])["state"] == "in_review"


def test_a_service_never_decides(well, invoice):
    action = well.remind(invoice, balance=20000).json
    taken = well.post("/v1/reviews/%s/verdict" % action["review"], {"verdict": "approve"}, token="billing-cron")
    assert taken.status == 403 and "finance (ana, ben)" in taken.json["detail"]


def test_low_confidence_is_reviewed(well, invoice):
    answer = well.route(invoice, confidence=0.5)
    assert answer.status == 202 and answer.json["state"] == "in_review" and answer.json["reason"] == "low_confidence"


def test_failed(well, invoice):
    well.sandbox("mailer", status=400, times=1)
    answer = well.remind(invoice)
    assert answer.status == 502 and answer.json["state"] == "failed"
    assert answer.headers["x-should-retry"] == "false" and answer.json["retryable"] is False
    assert well.remind(invoice).status == 502
    assert well.action(answer.json["action"])["state"] == "failed"


def test_an_answer_that_is_lost_is_repeated_where_the_provider_recognises_it(well, invoice):
    well.sandbox("mailer", lose=1)
    before = well.sandbox()["effects"]
    answer = well.remind(invoice)
    assert answer.status == 200 and answer.json["attempts"] == 2
    assert well.sandbox()["effects"] == before + 1


def test_held_while_the_provider_is_down(well, invoice):
    well.sandbox("mailer", down=True)
    answer = well.remind(invoice, headers={"Prefer": "wait=10"})
    assert answer.status == 202 and answer.json["state"] in ("held", "waiting"), answer
    assert answer.json["who"] or answer.json["next"]
    assert well.get("/v1/actions?state=held").status == 200
    cancelled = well.post("/v1/actions/%s/cancel" % answer.json["action"], {"reason": "no longer"}, token="billing-cron")
    assert cancelled.status == 200 and cancelled.json["state"] == "cancelled"
    assert well.remind(invoice).status == 409


def test_respond_async(well, invoice):
    answer = well.remind(invoice, headers={"Prefer": "respond-async"})
    assert answer.headers["preference-applied"] == "respond-async"
    assert answer.status in (200, 202)
    assert well.remind(invoice).json["state"] == "done"


def test_a_dry_run_stores_and_sends_nothing(well, invoice):
    effects, head = well.sandbox()["effects"], well.get("/v1/decisions?last=1").json[-1]["seq"]
    answer = well.remind(invoice, balance=20000, query="?dry_run=1")
    assert answer.status == 200 and answer.headers["interlock-dry-run"] == "1"
    assert "large-account" in answer.json["would"] and "/v1/messages" in answer.json["then"]
    text = well.remind(invoice, balance=20000, query="?dry_run=1", headers={"Accept": "text/plain"})
    assert text.text.startswith("WOULD") and text.text.endswith("NOTHING was sent or recorded.\n")
    assert well.sandbox()["effects"] == effects
    assert well.get("/v1/decisions?last=1").json[-1]["seq"] == head
    assert well.get("/v1/actions?key=%s:1" % invoice).json["items"] == []


def test_missing_field_of_an_expression(well):
    answer = well.submit("invoice-reminders", "send_reminder", {"invoice": "INV-X"}, token="billing-cron")
    assert answer.status == 422 and answer.json["type"].endswith(":bad-input"), answer


def test_unknown_field_of_a_declared_input(well, invoice):
    answer = well.submit("inquiry-routing", "route_ticket", {"ticket": invoice, "team": "x", "subjet": "y"},
                         token="helpdesk-bot", key=invoice, confidence=1)
    assert answer.status == 422 and answer.json["pointer"] == "/input/subjet", answer


def test_reading(well, invoice):
    action = well.remind(invoice, run="R-" + invoice).json
    assert well.action(action["action"])["state"] == "done"
    assert well.action(action["action"], token="billing-cron")["run"] == "R-" + invoice
    for query in ("key=%s:1" % invoice, "run=R-" + invoice):
        assert [a["action"] for a in well.get("/v1/actions?" + query).json["items"]] == [action["action"]]
        assert well.get("/v1/actions?" + query, token="helpdesk-bot").json["items"] == []
    assert well.get("/v1/actions/" + action["action"], token="helpdesk-bot").status == 403
    assert well.get("/v1/actions/" + action["action"], token="eve").status == 403
    text = well.get("/v1/actions/%s/explain" % action["action"], headers={"Accept": "text/plain"})
    assert text.text.startswith("ACTION") and "WHO" in text.text and "DO" in text.text
    assert well.get("/v1/actions/%s/explain" % action["action"]).json["action"] == action["action"]


def test_pages_have_each_action_once(well):
    ids = [well.remind("PAGE-%d" % i).json["action"] for i in range(7)]
    got, path = [], "/v1/actions?workflow=invoice-reminders&limit=3"
    while True:
        page = well.get(path).json
        got += [a["action"] for a in page["items"]]
        if page["next"] is None:
            break
        path = "/v1/actions?workflow=invoice-reminders&limit=3&cursor=" + page["next"]
    assert len(got) == len(set(got)) and set(ids) <= set(got)
    assert [a for a in got if a in ids] == ids[::-1]


def test_another_principal_gets_state_and_id_only(daemon):
    """R7: a service that may submit, but not see, learns that it was done, and nothing else."""
    yaml = daemon.folder / "interlock.yaml"
    text = yaml.read_text().replace("helpdesk-bot: { human: ben, submits: [inquiry-routing]",
                                    "helpdesk-bot: { human: ben, submits: [inquiry-routing, invoice-reminders]")
    yaml.write_text(text)
    reload = daemon.post("/v1/admin/reload")
    assert reload.status == 200, reload
    first = daemon.remind("INV-1")
    other = daemon.remind("INV-1", token="helpdesk-bot")
    assert other.status == 200 and other.json == {"action": first.json["action"], "state": "done"}
    assert "m@example.org" not in other.text
