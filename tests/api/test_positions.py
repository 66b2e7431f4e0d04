"""Positions of the switch (R17): a set of restrictions each, the union of all stops that cover an action."""
import pytest

from interlock_client import REMINDERS, ROUTING, Daemon, install


def order(daemon, position, token="ben", **scope):
    answer = daemon.post("/v1/stops", {"scope": scope, "position": position, "reason": "looks wrong"}, token=token)
    assert answer.status == 202, answer
    return answer.json


def restart(daemon, receipt):
    answer = daemon.restart(receipt["incident"], "fixed")
    assert answer.status == 202, answer


def approve(daemon, action, token="ben"):
    item = next(i for i in daemon.get("/v1/inbox", token=token).json["items"] if i.get("action") == action["action"])
    answer = daemon.post("/v1/reviews/%s/verdict" % item["id"], {"verdict": "approve"}, token=token)
    assert answer.status in (200, 202), answer
    return answer.json


def until_not(daemon, action, state):
    """What a restart releases goes a moment after its answer; each look is a call of its own."""
    for _ in range(2000):
        seen = daemon.get("/v1/actions/" + action).json
        if seen["state"] not in (state, "attempting"):
            return seen
    raise AssertionError("still %s: %s" % (seen["state"], seen))


def words(daemon, receipt):
    return daemon.get("/v1/stops/" + receipt["id"], headers={"Accept": "text/plain"}).text


def test_on_fallback_nothing_goes_by_itself_and_a_person_may_let_it_go(daemon):
    receipt = order(daemon, "fallback", workflow="inquiry-routing")
    assert receipt["position"] == "fallback" and receipt["stopped_at"]
    assert words(daemon, receipt).startswith("ON FALLBACK ") and "nothing goes by itself. For what arrives: ask support" in words(daemon, receipt)
    both = order(daemon, "stopped", workflow="inquiry-routing")
    assert "another stop is in force as well, so nothing starts at all" in words(daemon, receipt)
    assert "For what arrives: wait in the safe queue" in words(daemon, both)
    restart(daemon, both)
    receipt = order(daemon, "fallback", workflow="inquiry-routing")
    ticket = daemon.route("T-1")
    assert ticket.status == 202 and ticket.json["state"] == "in_review" and ticket.json["reason"] == "switch_on_fallback"
    assert "switch is on fallback" in ticket.json["why"]
    switch = ticket.json["decision"]["path"][0] if ticket.json["decision"]["path"][0]["gate"] == "switch" else ticket.json["decision"]["path"][1]
    assert switch["saw"]["position"] == "fallback" and switch["says"] == "review"
    assert daemon.get("/v1/status").json["workflows"][0]["position"] in ("fallback", "running")
    done = approve(daemon, ticket.json)
    assert done["state"] == "done"
    restart(daemon, receipt)
    assert daemon.route("T-2").json["state"] == "done"


def test_on_review_a_person_approves_each_write(daemon):
    receipt = order(daemon, "review", workflow="invoice-reminders")
    assert words(daemon, receipt).startswith("ON REVIEW ")
    held = daemon.remind("INV-1").json
    assert held["state"] == "in_review" and held["reason"] == "switch_on_review"
    assert daemon.sandbox()["effects"] == 0
    assert approve(daemon, held)["state"] == "done"
    assert daemon.sandbox()["effects"] == 1


def test_what_holds_is_the_union_and_each_is_lifted_by_itself(daemon):
    """An upstream on fallback and a workflow on review: an approval does not send there (R17)."""
    at_upstream = order(daemon, "fallback", upstream="mailer")
    at_workflow = order(daemon, "review", workflow="invoice-reminders")
    assert at_upstream["incident"] != at_workflow["incident"]
    assert "nothing is sent there" in words(daemon, at_upstream)
    action = daemon.remind("INV-1").json
    assert action["state"] == "held" and daemon.sandbox()["effects"] == 0
    restart(daemon, at_upstream)
    action = until_not(daemon, action["action"], "held")
    assert action["state"] == "in_review" and action["reason"] == "switch_on_review"
    again = order(daemon, "fallback", upstream="mailer")
    assert approve(daemon, action)["state"] == "held" and daemon.sandbox()["effects"] == 0
    restart(daemon, again)
    restart(daemon, at_workflow)
    assert until_not(daemon, action["action"], "held")["state"] == "done" and daemon.sandbox()["effects"] == 1


def test_a_further_cause_joins_the_incident_and_one_restart_lifts_all_of_it(daemon):
    first = order(daemon, "fallback", workflow="invoice-reminders")
    second = order(daemon, "stopped", workflow="invoice-reminders")
    other = order(daemon, "stopped", workflow="inquiry-routing")
    assert first["incident"] == second["incident"] != other["incident"] and first["id"] != second["id"]
    held = daemon.remind("INV-1").json
    assert held["state"] == "held"
    daemon.kill()
    daemon.start()
    for receipt in (first, second, other):
        again = daemon.get("/v1/stops/" + receipt["id"]).json
        assert again["in_force"] and again["position"] == receipt["position"]
    restart(daemon, first)
    until_not(daemon, held["action"], "held")
    assert [s["id"] for s in daemon.get("/v1/switches").json["items"]] == [other["id"]]
    assert daemon.remind("INV-1").json["state"] == "done"


@pytest.mark.parametrize("position", ["caution", "running", "off"])
def test_what_nobody_may_order(daemon, position):
    answer = daemon.post("/v1/stops", {"scope": {}, "position": position}, token="ben")
    assert answer.status == 422 and "Nothing was stopped" in answer.json["detail"]
    assert daemon.remind("INV-1").json["state"] == "done"


def test_what_the_fallback_position_holds_stays_where_it_is_until_the_restart(tmp_path):
    """It was let into the gate again as soon as it was held, for ever: records without end, and a hold without one."""
    held = ROUTING.replace("    confidence: at least 0.80\n", "    confidence: at least 0.80\n    fallback:\n      low_confidence: hold 1d\n")
    with Daemon(install(tmp_path, policies={"inquiry-routing.yaml": held, "invoice-reminders.yaml": REMINDERS})) as daemon:
        receipt = order(daemon, "fallback", workflow="inquiry-routing")
        ticket = daemon.route("T-1").json
        assert ticket["state"] == "held" and ticket["reason"] == "switch_on_fallback", ticket
        for _ in range(2000):  # a turn of the release is 50 ms: each look is a call of its own
            seen = daemon.get("/v1/actions/" + ticket["action"]).json
            assert seen["next"]["at"] == ticket["next"]["at"], (ticket["next"], seen["next"])
        daemon.kill()
        daemon.start()
        assert daemon.get("/v1/actions/" + ticket["action"]).json["next"]["at"] == ticket["next"]["at"]
        restart(daemon, receipt)
        assert until_not(daemon, ticket["action"], "held")["state"] == "done"
