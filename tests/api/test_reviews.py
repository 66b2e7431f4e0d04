"""Reviews as a person meets them: the inbox, who has what, and every answer to them."""
import concurrent.futures, datetime, os, sqlite3, subprocess, threading, time

import pytest

from interlock_client import BUILD, FAR, INSTALLATION, REMINDERS, ROUTING, TOKENS, Daemon, install


def pages(daemon, query="", **more):
    """All items of the inbox, page by page."""
    items, cursor = [], ""
    while True:
        answer = daemon.get("/v1/inbox?" + query + cursor, **more)
        assert answer.status == 200, answer
        items += answer.json["items"]
        if answer.json["next"] is None:
            return items
        cursor = "&cursor=" + answer.json["next"]


SLOW = """\
workflow: slow-work
owner: finance
restart: finance-leads
inform: ana
mode: auto
steps:
  later:
    kind: webhook
    call: helpdesk POST /later
    key: ${input.id}
    rules:
      - ask: review if input.id > 0
    fallback:
      rule: ["review, due 2d"]
"""


class TestInbox:
    def test_most_urgent_first_over_all_pages(self, tmp_path):
        """Whatever order they came in: an index by due time, and a cursor that goes through all."""
        policies = {"invoice-reminders.yaml": REMINDERS, "inquiry-routing.yaml": ROUTING, "slow-work.yaml": SLOW}
        with Daemon(install(tmp_path, policies=policies)) as daemon:
            for n in range(1, 6):
                assert daemon.submit("slow-work", "later", {"id": n}, token="ana").status == 202
                assert daemon.remind("INV-%d" % n, balance=20000).status == 202
            stop = daemon.post("/v1/stops", {"scope": {"workflow": "inquiry-routing"}, "reason": "wrong teams"}).json
            all = pages(daemon, "limit=3")
            assert [item["by"] for item in all] == sorted(item["by"] for item in all)
            assert [item["kind"] for item in all] == ["stop"] + 10 * ["review"]
            assert [item["workflow"] for item in all[1:]] == 5 * ["invoice-reminders"] + 5 * ["slow-work"]
            assert all[0]["id"] == stop["incident"]
            assert all[0]["title"] == "inquiry-routing is stopped"  # a name stays as people type it
            assert "wrong teams" in all[0]["why"] and "Ben Okafor" in all[0]["why"]
            assert all == pages(daemon)  # one page says the same
            assert len(pages(daemon, "kind=review&limit=2")) == 10
            assert [i["kind"] for i in pages(daemon, "kind=stop")] == ["stop"]
            assert len(pages(daemon, "workflow=slow-work&limit=2")) == 5
            assert len(pages(daemon, "who=finance&limit=2")) == 10
            assert len(pages(daemon, "who=ana")) == 11
            assert pages(daemon, "who=eve") == []
            assert daemon.get("/v1/inbox?kind=none").status == 400
            assert daemon.get("/v1/inbox?cursor=17").status == 400

    def test_ten_thousand_wait(self, tmp_path):
        """10,000 open reviews: a page in under 50 ms (asan: it only has to come), memory holds a page."""
        count = 10000 if "release" in str(BUILD) else 1500
        with Daemon(install(tmp_path)) as daemon:
            def submit(part):
                connection = daemon.connect()
                for n in range(part, count, 8):
                    answer = daemon.remind("INV-%d" % n, balance=20000, connection=connection,
                                           headers={"Prefer": "respond-async"})
                    assert answer.status == 202
            with concurrent.futures.ThreadPoolExecutor(8) as pool:
                list(pool.map(submit, range(8)))
            took = []
            for _ in range(5):
                begin = time.monotonic()
                page = daemon.get("/v1/inbox", checked=False)
                took.append(time.monotonic() - begin)
                assert len(page.json["items"]) == 100 and page.json["next"]
            if "release" in str(BUILD):
                assert min(took) < 0.05, took
            everything = pages(daemon, "limit=1000")
            assert len({item["id"] for item in everything}) == count


MASKED = """\
workflow: invoice-reminders
purpose: Remind customers of overdue invoices
owner: finance
restart: finance-leads
inform: ana
mode: auto

steps:
  send_reminder:
    kind: email
    recipient: ${input.email}
    call: mailer POST /v1/messages
    key: ${input.invoice}:${input.stage}
    summary: Reminder ${input.stage} for ${input.invoice}, ${input.balance} EUR, to ${input.email}
    mask: [email]
    input: { invoice: text, stage: integer, balance: number, email: text }
    body:
      to: ${input.email}
      invoice: ${input.invoice}
      balance: ${input.balance}
    rules:
      - paid-already: reject if input.balance <= 0
      - large-account: review if input.balance > 10000
""" + FAR + "  - repeat: stopped if repeat(input.email) > 32 in 1ms\n"


@pytest.fixture(scope="module")
def well(tmp_path_factory):
    folder = install(tmp_path_factory.mktemp("reviews"),
                     policies={"invoice-reminders.yaml": MASKED, "inquiry-routing.yaml": ROUTING})
    with Daemon(folder, token="ana") as daemon:
        yield daemon


def wait_for_review(daemon, invoice, **more):
    answer = daemon.remind(invoice, balance=20000.10, **more)
    assert answer.status == 202 and answer.json["state"] == "in_review", answer
    return answer.json["review"], answer.json["action"]


def verdict(daemon, review, verdict, **members):
    token = members.pop("token", None)
    return daemon.post("/v1/reviews/%s/verdict" % review, dict(members, verdict=verdict), token=token)


def records(daemon, action):
    lines = daemon.get("/v1/decisions?last=1000", token="ben").json
    return [line["record"] for line in lines if line["record"].get("action") == action]


def kinds(daemon, action):
    return [record["kind"] for record in records(daemon, action)]


class TestCard:
    def test_says_all_and_shows_no_masked_field(self, well):
        review, action = wait_for_review(well, "CARD-1", because="12 days overdue")
        card = well.get("/v1/reviews/" + review).json
        assert card["state"] == "open" and card["action"] == action
        assert card["title"] == "Reminder 1 for CARD-1, 20000.1 EUR, to m…@example.org"
        assert "large-account" in card["why"] and card["because"] == "12 days overdue"
        assert card["asked_by"] == "billing-cron"
        assert card["who"]["group"] == "finance" and card["who"]["person"] == "ana"
        assert card["input"]["email"] == "m…@example.org" and card["masked"] == ["email"]
        assert card["input"]["balance"] == 20000.10
        assert card["will"]["target"] == "/v1/messages"
        assert card["will"]["body"] == {"to": "m…@example.org", "invoice": "CARD-1", "balance": 20000.10}
        assert {v["verdict"]: v["does"] for v in card["verdicts"]} == {
            "approve": "Send to m…@example.org now, as shown", "edit": "Change it and send", "reject": "Do not send"}
        item = next(i for i in pages(well) if i["id"] == review)
        assert item["verdicts"] == card["verdicts"] and item["digest"] == card["digest"]
        assert "m@example.org" not in well.get("/v1/reviews/" + review).text

    def test_masked_fields_are_shown_to_who_decides_and_it_is_recorded(self, well):
        review, action = wait_for_review(well, "CARD-2")
        assert well.post("/v1/reviews/%s/reveal" % review, token="eve").status == 403
        assert well.post("/v1/reviews/%s/reveal" % review, token="billing-cron").status == 403
        card = well.post("/v1/reviews/%s/reveal" % review, {}).json
        assert card["revealed"] and card["input"]["email"] == "m@example.org"
        assert card["will"]["body"]["to"] == "m@example.org"
        shown = [r for r in records(well, action) if r["kind"] == "shown"]
        assert [r["actor"] for r in shown] == ["ana"]
        assert not well.get("/v1/reviews/" + review).json["revealed"]

    def test_no_masked_field_is_shown_where_nobody_is_asked(self, well):
        """What went out by itself has no card, and a card that is over shows what everybody may see (R23)."""
        alone = well.remind("CARD-20", balance=10).json["action"]
        never = "/v1/reviews/r_" + alone[2:]
        for number in ("0", "1", "7"):
            answer = well.post("%s.%s/reveal" % (never, number), {})
            assert answer.status == 404 and "m@example.org" not in answer.text, answer
            assert well.get("%s.%s" % (never, number)).status == 404
        review, action = wait_for_review(well, "CARD-21")
        assert verdict(well, review, "reject").status == 200
        over = well.post("/v1/reviews/%s/reveal" % review, {})
        assert over.status == 409 and "m@example.org" not in over.text, over
        assert well.get("/v1/reviews/" + review).status == 200

    def test_a_note_stands_on_it(self, well):
        review, action = wait_for_review(well, "CARD-3")
        assert verdict(well, review, "note", note="asked the customer").status == 200
        assert verdict(well, review, "note").status == 422
        notes = well.get("/v1/reviews/" + review).json["notes"]
        assert [(n["by"], n["note"]) for n in notes] == [("ana", "asked the customer")]
        assert well.get("/v1/actions/" + action).json["notes"] == notes
        assert well.get("/v1/actions/%s/explain" % action).json["notes"] == notes
        assert well.get("/v1/reviews/" + review).json["state"] == "open"

    def test_of_an_action_that_is_none(self, well):
        assert well.get("/v1/reviews/r_0000000000001.1").status == 404
        assert well.get("/v1/reviews/17").status == 404


class TestWho:
    def test_claim_keeps_others_away_until_it_is_given_back(self, well):
        review, action = wait_for_review(well, "WHO-1")
        claimed = well.post("/v1/reviews/%s/claim" % review, {})
        assert claimed.status == 200 and claimed.json["claimed_by"] == "ana"
        assert claimed.json["who"]["person"] == "ana"
        other = verdict(well, review, "approve", token="ben")
        assert other.status == 409 and "ana has claimed it until" in other.json["detail"]
        assert well.post("/v1/reviews/%s/claim" % review, {}, token="ben").status == 409
        assert well.post("/v1/reviews/%s/release" % review, {}, token="ben").status == 409
        card = well.get("/v1/reviews/" + review).json
        assert card["claimed"]["by"] == "ana"
        assert well.post("/v1/reviews/%s/release" % review, {}).status == 200
        assert well.get("/v1/reviews/" + review).json["claimed"] is None
        assert verdict(well, review, "approve", token="ben").json["state"] == "done"
        assert kinds(well, action)[:2] == ["admitted", "claimed"]
        assert kinds(well, action).count("refused") == 3

    def test_a_claim_is_as_long_as_asked_for(self, well):
        review, _ = wait_for_review(well, "WHO-2")
        assert well.post("/v1/reviews/%s/claim" % review, {"minutes": 481}).status == 422
        before = well.post("/v1/reviews/%s/claim" % review, {}).json["claimed_until"]
        after = well.post("/v1/reviews/%s/claim" % review, {"minutes": 480}).json["claimed_until"]
        assert after > before

    def test_reassign_gives_it_to_somebody_who_may(self, well):
        review, action = wait_for_review(well, "WHO-3")
        well.post("/v1/reviews/%s/claim" % review, {})
        wrong = well.post("/v1/reviews/%s/reassign" % review, {"to": "eve"}, token="ben")
        assert wrong.status == 422 and wrong.json["pointer"] == "/to" and "eve" in wrong.json["detail"]
        assert well.post("/v1/reviews/%s/reassign" % review, {"to": "billing-cron"}).status == 422
        given = well.post("/v1/reviews/%s/reassign" % review, {"to": "ben", "note": "you know them"}, token="ben")
        assert given.status == 200 and given.json["who"]["person"] == "ben"
        assert review in [i["id"] for i in pages(well, "who=ben")]
        card = well.get("/v1/reviews/" + review).json
        assert card["assigned_to"] == "ben" and card["claimed"] is None
        assert card["notes"][0]["note"] == "you know them"

    def test_what_was_given_to_somebody_who_has_left_falls_back(self, tmp_path):
        with Daemon(install(tmp_path), token="ana") as daemon:
            review, _ = wait_for_review(daemon, "WHO-5")
            assert daemon.post("/v1/reviews/%s/reassign" % review, {"to": "ben"}).json["who"]["person"] == "ben"
            config = tmp_path / "interlock.yaml"
            config.write_text(config.read_text().replace("  finance: [ana, ben]", "  finance: [ana]"))
            assert daemon.post("/v1/admin/reload", token="ben").status == 200
            assert daemon.get("/v1/reviews/" + review).json["who"]["person"] == "ana"
            assert verdict(daemon, review, "approve", token="ben").status == 403

    def test_claims_survive_a_restart(self, tmp_path):
        with Daemon(install(tmp_path), token="ana") as daemon:
            review, _ = wait_for_review(daemon, "WHO-4")
            daemon.post("/v1/reviews/%s/claim" % review, {})
            daemon.kill()
            daemon.start()
            assert verdict(daemon, review, "approve", token="ben").status == 409
            assert verdict(daemon, review, "approve").json["state"] == "done"


class TestVerdicts:
    def test_twice(self, well):
        review, action = wait_for_review(well, "TWICE-1")
        assert verdict(well, review, "reject", note="wrong customer").json["state"] == "rejected"
        assert verdict(well, review, "reject").status == 200
        for other in (verdict(well, review, "approve"), verdict(well, review, "reject", token="ben")):
            assert other.status == 409 and other.json["state"] == "rejected"
        card = well.get("/v1/reviews/" + review).json
        assert card["state"] == "decided" and card["verdicts"] == [] and card["who"] is None
        assert card["decided"]["verdict"] == "reject" and card["decided"]["note"] == "wrong customer"
        assert [r["subject"] for r in records(well, action) if r["kind"] == "refused"] == 2 * ["not_in_review"]

    def test_by_the_wrong_person(self, well):
        review, action = wait_for_review(well, "WRONG-1")
        for token in ("eve", "billing-cron", "helpdesk-bot"):
            answer = verdict(well, review, "approve", token=token)
            assert answer.status == 403 and "Who may" in answer.json["detail"]
        refused = [r for r in records(well, action) if r["kind"] == "refused"]
        # Who asked for it may see it, and is recorded; who has no right at all adds nothing to its records.
        assert [(r["actor"], r["subject"]) for r in refused] == [("billing-cron", "not_allowed")]

    def test_of_what_one_asked_for_oneself(self, well):
        review, _ = wait_for_review(well, "OWN-1", token="ana")
        assert verdict(well, review, "approve").status == 403
        assert verdict(well, review, "approve", token="ben").json["state"] == "done"

    def test_of_another_digest(self, well):
        review, action = wait_for_review(well, "DIGEST-1")
        answer = verdict(well, review, "approve", digest="0" * 32)
        assert answer.status == 409 and "look again" in answer.json["detail"]
        assert kinds(well, action)[-1] == "refused"
        digest = well.get("/v1/reviews/" + review).json["digest"]
        assert verdict(well, review, "approve", digest=digest).json["state"] == "done"

    def test_of_a_policy_that_changed_what_is_sent(self, tmp_path):
        with Daemon(install(tmp_path, policies={"invoice-reminders.yaml": MASKED, "inquiry-routing.yaml": ROUTING}), token="ana") as daemon:
            review, action = wait_for_review(daemon, "POLICY-1")
            policy = tmp_path / "policies" / "invoice-reminders.yaml"
            policy.write_text(policy.read_text().replace("      invoice: ${input.invoice}\n", "      reference: ${input.invoice}\n"))
            assert daemon.post("/v1/admin/reload", token="ben").status == 200
            answer = verdict(daemon, review, "approve")
            assert answer.status == 409 and "look again" in answer.json["detail"]
            assert answer.json["state"] == "in_review" and answer.json["review"] != review  # asked anew
            assert daemon.sandbox()["effects"] == 0

    def test_why_it_waits_keeps_its_names_over_a_reload(self, tmp_path):
        """The names and lines of a path are those of the policy that decided, read from the store, also after a kill."""
        with Daemon(install(tmp_path, policies={"invoice-reminders.yaml": MASKED, "inquiry-routing.yaml": ROUTING}), token="ana") as daemon:
            review, action = wait_for_review(daemon, "FORMER-1")
            before = daemon.get("/v1/actions/%s/explain" % action).json
            assert "large-account (balance 20000.1 > 10000, invoice-reminders.yaml:" in before["why"]
            policy = tmp_path / "policies" / "invoice-reminders.yaml"
            policy.write_text("# a comment\n" + policy.read_text())
            assert daemon.post("/v1/admin/reload", token="ben").status == 200
            assert daemon.get("/v1/actions/%s/explain" % action).json["why"] == before["why"]
            assert before["why"][1:] in daemon.get("/v1/reviews/" + review).json["why"]
            daemon.kill()
            daemon.start()
            after = daemon.get("/v1/actions/%s/explain" % action).json
            assert after["why"] == before["why"] and after["decision"] == before["decision"]

    def test_what_an_edit_changed_is_explained(self, well):
        review, action = wait_for_review(well, "CHANGED-1")
        assert verdict(well, review, "edit", edit={"balance": 20, "email": "new@example.org"}, note="agreed").status == 200
        said = well.get("/v1/actions/%s/explain" % action, headers={"Accept": "text/plain"}).text
        assert 'CHANGED balance 20000.1 → 20, email "m…@example.org" → "n…@example.org"\n' in said
        assert "rule large-account no (20 ≤ 10000)" in said and "20000.1 ≤" not in said, said
        assert 'NOTE    "agreed", Ana Ruiz, ' in said and "new@" not in said

    def test_what_is_done_is_not_done_again(self, well):
        review, action = wait_for_review(well, "AGAIN-1")
        assert verdict(well, review, "approve").json["state"] == "done"
        answer = well.post("/v1/actions/%s/again" % action, {"reason": "asked for"})
        assert answer.status == 409 and "it is done" in answer.json["detail"] and "`again`" not in answer.json["detail"]

    def test_after_it_was_cancelled(self, well):
        review, action = wait_for_review(well, "LATE-1")
        assert well.post("/v1/actions/%s/cancel" % action, {"reason": "paid"}).status == 200
        assert verdict(well, review, "approve").status == 409
        card = well.get("/v1/reviews/" + review).json
        assert card["state"] == "void" and card["decided"] is None

    def test_unknown_words(self, well):
        review, _ = wait_for_review(well, "WORDS-1")
        assert verdict(well, review, "maybe").status == 422
        assert verdict(well, review, "approve", edit={"balance": 1}).status == 422
        assert verdict(well, review, "edit").status == 422


class TestEdit:
    def test_sends_what_was_changed_once_with_a_key_of_its_own(self, well):
        review, action = wait_for_review(well, "EDIT-1")
        answer = verdict(well, review, "edit", edit={"email": "x@example.org", "balance": 15000}, note="asked")
        assert answer.status == 200 and answer.json["state"] == "done", answer
        assert answer.json["summary"] == "Reminder 1 for EDIT-1, 15000 EUR, to x…@example.org"
        card = well.get("/v1/reviews/" + review).json
        assert card["decided"]["verdict"] == "edit" and card["decided"]["note"] == "asked"
        assert card["changed"] == [{"field": "balance", "from": 20000.10, "to": 15000},
                                   {"field": "email", "from": "m…@example.org", "to": "x…@example.org"}]
        assert kinds(well, action) == ["admitted", "edited", "started", "outcome"]
        assert records(well, action)[1]["revision"] == 1
        assert verdict(well, review, "edit", edit={"email": "x@example.org", "balance": 15000}).status == 200
        assert verdict(well, review, "edit", edit={"balance": 16000}).status == 409
        # the caller's repeat is the same action, with the input that it sent
        again = well.remind("EDIT-1", balance=20000.10)
        assert again.status == 200 and again.json["action"] == action
        other = well.remind("EDIT-1", balance=15000)
        assert other.status == 422 and "/balance" in other.json["detail"]

    @pytest.mark.parametrize("edit, why", [
        ({"balance": "much"}, "/edit/balance"),
        ({"nothing": 1}, "/edit/nothing"),
        ({"email": None}, "/edit"),
        ({"stage": 2}, "key"),
        ({"balance": 0}, "paid-already"),
        ({"balance": 20000.10}, "changes nothing"),
    ])
    def test_an_invalid_one_changes_nothing_and_is_recorded(self, well, edit, why):
        invoice = "EDIT-2-%s" % abs(hash(why))
        review, action = wait_for_review(well, invoice)
        answer = verdict(well, review, "edit", edit=edit)
        assert answer.status == 422 and why in answer.json["pointer"] + answer.json["detail"], answer
        card = well.get("/v1/reviews/" + review).json
        assert card["state"] == "open" and card["input"]["balance"] == 20000.10
        assert [r["subject"] for r in records(well, action) if r["kind"] == "refused"] == ["bad_edit"]

    def test_survives_a_crash_and_is_verified(self, tmp_path):
        with Daemon(install(tmp_path, policies={"invoice-reminders.yaml": MASKED, "inquiry-routing.yaml": ROUTING}), token="ana") as daemon:
            stop = daemon.post("/v1/stops", {"scope": {"workflow": "invoice-reminders"}}).json
            answer = daemon.remind("EDIT-3", balance=20000.10)
            assert answer.json["state"] == "held"
            assert daemon.restart(stop["incident"], "go").status == 202
            review, action = wait_for_review(daemon, "EDIT-4")
            daemon.post("/v1/stops", {"scope": {"workflow": "invoice-reminders"}})
            held = verdict(daemon, review, "edit", edit={"balance": 12000})
            assert held.json["state"] == "held"
            daemon.kill()
            daemon.start()
            assert "12000" in daemon.action(action)["summary"]
            assert daemon.get("/v1/decisions/verify", token="ben").json["good"] is not False


def test_answers_name_who_approved(well):
    review, action = wait_for_review(well, "NAMED-1")
    said = verdict(well, review, "approve")
    assert said.json["why"] == "Ana Ruiz approved it", said
    other = verdict(well, review, "reject")
    assert other.status == 409 and other.json["why"] == "Ana Ruiz approved it", other
    for answer in well.get("/v1/actions/" + action), well.get("/v1/actions?key=" + said.json["key"]):
        assert answer.json.get("items", [answer.json])[0]["why"] == "Ana Ruiz approved it", answer


class TestMany:
    def test_each_has_its_own_answer(self, well):
        one, _ = wait_for_review(well, "MANY-1")
        two, _ = wait_for_review(well, "MANY-2", token="ana")
        answer = well.post("/v1/verdicts", {"verdicts": [
            {"id": one, "verdict": "approve"}, {"id": two, "verdict": "approve"},
            {"id": one, "verdict": "reject"}, {"id": "r_17", "verdict": "reject"},
            {"id": two, "verdict": "perhaps"}]})
        assert [r["status"] for r in answer.json["results"]] == [200, 403, 409, 404, 403]
        assert answer.json["results"][0]["answer"]["state"] == "done"
        assert [r["id"] for r in answer.json["results"]] == [one, two, one, "r_17", two]

    def test_one_a_line(self, well):
        def lines(text, type="application/x-ndjson"):
            return well.request("POST", "/v1/verdicts", text.encode(), headers={"Content-Type": type})

        one, _ = wait_for_review(well, "LINES-1")
        two, _ = wait_for_review(well, "LINES-2", token="ana")
        text = '{"id": "%s", "verdict": "approve"}\r\n\n{"verdict": "approve", "id": "%s"}' % (one, two)
        answer = lines(text, "application/x-ndjson; charset=utf-8")
        assert [(r["id"], r["status"]) for r in answer.json["results"]] == [(one, 200), (two, 403)], answer
        assert lines(text, "text/plain").status == 415 and lines(text, "application/json").status == 400
        for bad, status, says in (("", 422, "no line"), ("\n\n", 422, "no line"), ("[]", 422, "line 1"),
                                  ('{"id": "r_1", "verdict": "note"}\n{"id": 1', 400, "line 2"),
                                  ('{"id": "a", "id": "b"}', 400, "line 1"), ('{"id": "a"}, {"id": "b"}', 400, "line 1"),
                                  (101 * '{"id": "r_1", "verdict": "approve"}\n', 422, "100"), ("[" * 900, 400, "line 1")):
            answer = lines(bad)
            assert answer.status == status and says in answer.json["detail"], (bad[:60], answer)

    def test_bad_lists(self, well):
        for body in ({}, {"verdicts": []}, {"verdicts": 1}, {"verdicts": [1]}, {"verdicts": [{"verdict": "approve"}]},
                     {"verdicts": 101 * [{"id": "r_1", "verdict": "approve"}]}):
            assert well.post("/v1/verdicts", body).status == 422, body


class TestSettled:
    def test_the_answer_says_who_and_on_what_evidence(self, tmp_path):
        plain = INSTALLATION.replace("    idempotency: { header: Idempotency-Key, keeps: 24h }\n", "")
        with Daemon(install(tmp_path, installation=plain), token="ana") as daemon:
            daemon.sandbox("mailer", lose=1)
            uncertain = daemon.remind("SETTLE-1", headers={"Prefer": "wait=30"})
            assert uncertain.json["state"] == "uncertain", uncertain
            answer = daemon.post("/v1/actions/%s/resolve" % uncertain.json["action"],
                                 {"happened": True, "evidence": "message id 4711"})
            assert answer.json["state"] == "done"
            assert "Ana Ruiz" in answer.json["what"] and "message id 4711" in answer.json["why"], answer

    def test_where_to_look_and_who_let_it_go_again(self, tmp_path):
        """A target that the policy writes without `${}` can hold nothing masked: it is shown."""
        plain = INSTALLATION.replace("    idempotency: { header: Idempotency-Key, keeps: 24h }\n", "")
        with Daemon(install(tmp_path, installation=plain, policies={"invoice-reminders.yaml": MASKED, "inquiry-routing.yaml": ROUTING}), token="ana") as daemon:
            daemon.sandbox("mailer", lose=1)
            uncertain = daemon.remind("SETTLE-2", headers={"Prefer": "wait=30"})
            assert uncertain.json["state"] == "uncertain", uncertain
            path = "/v1/actions/" + uncertain.json["action"]
            assert daemon.get("/v1/inbox?kind=uncertain").json["items"][0]["look"]["target"] == "/v1/messages"
            assert daemon.post(path + "/resolve", {"happened": False, "send": True}).json["state"] == "done"
            assert daemon.get(path + "/explain").json["why"] == "Ana Ruiz said that it had not happened, and to try again"


class TestCommandLine:
    def shell(self, daemon, *arguments, token="ana"):
        environment = dict(os.environ, INTERLOCK_URL="http://%s:%d" % (daemon.host, daemon.port),
                           INTERLOCK_TOKEN=TOKENS[token])
        done = subprocess.run([str(BUILD / "interlock"), *arguments], env=environment, cwd=daemon.folder,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
        return done.returncode, done.stdout + done.stderr

    def test_a_review_from_card_to_verdict(self, well):
        review, _ = wait_for_review(well, "CLI-1")
        code, said = self.shell(well, "inbox", "--kind", "review")
        assert code == 0 and "CLI-1:1  review  invoice-reminders  finance (ana)" in said
        code, said = self.shell(well, "review", "CLI-1:1")
        assert code == 0 and "m…@example.org" in said and "Send to m…@example.org now, as shown" in said
        code, said = self.shell(well, "review", review, "--reveal")
        assert code == 0 and '"email":"m@example.org"' in said
        assert self.shell(well, "claim", "CLI-1:1")[0] == 0
        code, said = self.shell(well, "approve", "CLI-1:1", token="ben")
        assert code == 1 and "claimed" in said
        assert self.shell(well, "release", "CLI-1:1")[0] == 0
        assert self.shell(well, "reassign", "CLI-1:1", "ben", "--note", "yours")[0] == 0
        assert self.shell(well, "note", review, "--note", "asked")[0] == 0
        code, said = self.shell(well, "approve", review, "--edit", "balance=12000.50", token="ben")
        assert code == 0 and "done" in said, said
        code, said = self.shell(well, "review", review)
        assert "DECIDED edit by ben" in said and '"to":12000.5' in said, said

    def test_a_request_without_a_body_shows_none(self, tmp_path):
        with Daemon(install(tmp_path, policies={"slow-work.yaml": SLOW, "invoice-reminders.yaml": REMINDERS, "inquiry-routing.yaml": ROUTING}), token="ana") as daemon:
            asked = daemon.submit("slow-work", "later", {"id": 1}, token="ana").json
            code, said = self.shell(daemon, "review", asked["review"])
            assert code == 0 and "\nSENDS   POST helpdesk /later\n" in said, said

    def test_several(self, well):
        ids = [wait_for_review(well, "CLI-2%d" % n)[0] for n in range(3)]
        code, said = self.shell(well, "reject", *ids, "r_0000000000001.1", "--note", "all paid")
        assert code == 1 and said.count("  rejected  Not sent") == 3 and "not taken" in said, said


def test_a_word_on_what_is_settled_already_is_refused_and_recorded(well):
    """Two people settle the same thing: the second one is told, and the record says who wanted what."""
    action = wait_for_review(well, "WORD-1")[1]
    settle = "/v1/actions/%s/resolve" % action
    assert well.post(settle, {"happened": True, "evidence": "4711"}, token="ben").status == 200
    assert well.post(settle, {"happened": False, "send": True}, token="ana").status == 409
    refused = [r for r in records(well, action) if r["kind"] == "refused"]
    assert [(r["actor"], r["subject"]) for r in refused] == [("ana", "ended")]


class TestHours:
    def test_reviews_count_opening_hours_and_uncertain_ones_the_clock(self, tmp_path):
        """One minute a day, in Tokyo: a review due in 4 h has 240 days. Asked at that very minute, it is a day less."""
        plain = INSTALLATION.replace("    idempotency: { header: Idempotency-Key, keeps: 24h }\n", "")
        hours = "timezone: Asia/Tokyo\nhours: Mon-Sun 03:00-03:01\n"
        with Daemon(install(tmp_path, installation=plain + hours), token="ana") as daemon:
            by = daemon.remind("HOURS-1", balance=20000).json["who"]["by"]
            days = (datetime.datetime.fromisoformat(by[:-1]) - datetime.datetime.utcnow()).total_seconds() / 86400
            assert 238 < days < 241 and by[11:16] in ("18:00", "18:01"), by
            daemon.sandbox("mailer", lose=1)
            by = daemon.remind("HOURS-2", headers={"Prefer": "wait=30"}).json["who"]["by"]
            hours = (datetime.datetime.fromisoformat(by[:-1]) - datetime.datetime.utcnow()).total_seconds() / 3600
            assert 3.9 < hours < 4.1, by

    def test_a_review_that_moves_on_at_due_counts_them_too(self, tmp_path):
        """The time that is told is the time that it moves on: nobody's night takes a decision."""
        hours = "timezone: Asia/Tokyo\nhours: Mon-Sun 03:00-03:01\n"
        moves = REMINDERS.replace("    rules:\n", "    fallback:\n      rule: review, due 4h, at due then skip\n    rules:\n")
        with Daemon(install(tmp_path, INSTALLATION + hours, {"a.yaml": moves, "b.yaml": ROUTING}), token="ana") as daemon:
            seen = daemon.remind("HOURS-3", balance=20000).json
            assert seen["state"] == "in_review" and seen["next"]["at"] == seen["who"]["by"], (seen["next"], seen["who"])
            assert seen["next"]["what"] == "its fallback goes on: skip", seen["next"]


class TestAway:
    def test_work_falls_on_and_the_cover_may_decide_it(self, tmp_path):
        lone = INSTALLATION.replace("  finance: [ana, ben]", "  finance: [ana]").replace("  owner: finance\n", "  owner: support\n")
        with Daemon(install(tmp_path, installation=lone), token="ana") as daemon:
            one, _ = wait_for_review(daemon, "AWAY-1")
            assert verdict(daemon, one, "approve", token="eve").status == 403
            assert daemon.post("/v1/admin/away", {"person": "ben", "until": "2090-01-01"}).status == 403
            away = {"until": "2090-12-01", "cover": "eve"}
            own = daemon.post("/v1/admin/away", away)  # eve would decide what she may not: an admin says so, or nobody
            assert own.status == 403 and "eve is not in " in own.json["detail"], own
            assert daemon.post("/v1/admin/away", {"until": "2090-12-01", "cover": "ben"}).status == 403  # not in finance
            said = daemon.post("/v1/admin/away", dict(away, person="ana"), token="ben")
            assert said.status == 200 and said.json == {
                "person": "ana", "until": "2090-12-01T00:00:00.000Z", "cover": "eve", "covers_nothing": None, "nobody_left": []}
            card = daemon.get("/v1/reviews/" + one, token="eve").json
            assert card["who"]["group"] == "finance" and card["who"]["person"] == "eve"
            assert [i["id"] for i in pages(daemon, "who=eve", token="eve")] == [one]
            daemon.kill()
            daemon.start()
            assert daemon.get("/v1/admin/away").json["items"] == [said.json]
            assert verdict(daemon, one, "approve", token="eve").json["state"] == "done"
            # without a cover: on to the owner of the installation, who may decide it then
            assert daemon.post("/v1/admin/away", {"person": "ana", "until": "2090-12-01"}, token="ben").status == 200
            two, _ = wait_for_review(daemon, "AWAY-2")
            assert daemon.get("/v1/reviews/" + two).json["who"]["person"] == "ben"
            assert verdict(daemon, two, "reject", token="eve").status == 403
            assert verdict(daemon, two, "reject", token="ben").status == 200
            # everybody is away: never nobody
            assert daemon.post("/v1/admin/away", {"person": "ben", "until": "2090-12-01"}, token="ben").status == 200
            three, _ = wait_for_review(daemon, "AWAY-3")
            assert daemon.get("/v1/reviews/" + three).json["who"]["person"] == "ana"
            assert daemon.post("/v1/admin/away", {"back": True}).json["until"] is None
            assert [i["person"] for i in daemon.get("/v1/admin/away").json["items"]] == ["ben"]
            assert kinds_of_control(daemon) == 4 * ["away"]
            proof = daemon.get("/v1/decisions/verify", token="ben").json
            assert proof["good"], proof

    def test_an_absence_that_leaves_nobody_says_so_at_once(self, tmp_path):
        with Daemon(install(tmp_path), token="ben") as daemon:
            def away(person, **more):
                answer = daemon.post("/v1/admin/away", dict({"person": person, "until": "2090-12-01"}, **more))
                assert answer.status == 200, answer
                left = {(one["workflow"], one["step"], one["for"], one["waits_for"]) for one in answer.json["nobody_left"]}
                return answer.json["cover"], answer.json["covers_nothing"], left

            restart = ("invoice-reminders", None, "restart", "ana")
            cover, nothing, left = away("ana", cover="ben")
            assert (cover, nothing, left) == ("ben", None, set())
            cover, nothing, left = away("ben")
            assert restart in left and ("invoice-reminders", None, "reviews", "ana") in left, left
            assert ("inquiry-routing", None, "uncertain", "ana") in left and len(left) == 6, left
            ana, ben = daemon.get("/v1/admin/away").json["items"]
            assert ana["cover"] is None and ana["covers_nothing"] == "ben" and len(ana["nobody_left"]) == 6, ana
            assert away("ben", cover="eve")[:2] == ("eve", None)  # an admin names whom they like
            assert away("ben", cover="eve")[2] == {restart, ("inquiry-routing", None, "restart", "ana")}  # it has no cover

    def test_whose_time_is_over_is_back_and_their_row_goes(self, tmp_path):
        with Daemon(install(tmp_path), token="ben") as daemon:
            soon = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=2)
            until = soon.strftime("%Y-%m-%dT%H:%M:%S.%fZ")[:23] + "Z"
            assert daemon.post("/v1/admin/away", {"person": "ana", "until": until, "cover": "ben"}).status == 200
            for _ in range(3000):
                if len(kinds_of_control(daemon)) == 2:
                    break
                threading.Event().wait(0.01)
            assert kinds_of_control(daemon) == 2 * ["away"]
            assert daemon.get("/v1/admin/away").json["items"] == []
            assert daemon.get("/v1/decisions/verify").json["good"]
            daemon.stop()
            with sqlite3.connect("file:%s?mode=ro" % (daemon.folder / "data" / "interlock.db"), uri=True) as store:
                assert store.execute("SELECT count(*) FROM small_rows WHERE CAST(key AS TEXT) = 'ana'").fetchone() == (0,)

    @pytest.mark.parametrize("body, pointer", [
        ({}, "/until"), ({"until": "tomorrow"}, "/until"), ({"until": "2020-01-01"}, "/until"),
        ({"until": "2090-01-01", "cover": "ana"}, "/cover"), ({"until": "2090-01-01", "cover": "billing-cron"}, "/cover"),
        ({"back": True, "until": "2090-01-01"}, "/back"), ({"person": "nobody", "until": "2090-01-01"}, "/person")])
    def test_bad_words(self, well, body, pointer):
        answer = well.post("/v1/admin/away", body)
        assert answer.status == 422 and answer.json["pointer"] == pointer, answer

    def test_a_cover_of_the_same_groups_may_be_named_by_oneself(self, tmp_path):
        with Daemon(install(tmp_path), token="ana") as daemon:
            assert daemon.post("/v1/admin/away", {"until": "2090-12-01", "cover": "ben"}).status == 200
            assert daemon.post("/v1/admin/away", {"until": "2090-12-01", "cover": "ana"}, token="ben").status == 200  # an admin

    @pytest.mark.parametrize("by, may", [("ana", False), ("eve", True)])
    def test_a_cover_who_left_the_group_covers_it_no_more(self, tmp_path, by, may):
        """Whom one names oneself gets no right of their own by it, after a reload either (R20); whom an admin names does."""
        both = INSTALLATION.replace("  admins: [ben]", "  admins: [eve]")
        folder = install(tmp_path, installation=both)
        with Daemon(folder, token="ana") as daemon:
            away = {"person": "ana", "until": "2090-12-01", "cover": "ben"}
            assert daemon.post("/v1/admin/away", away, token=by).status == 200
            one, _ = wait_for_review(daemon, "LEFT-1")
            assert daemon.get("/v1/reviews/" + one).json["who"]["person"] == "ben"
            config = folder / "interlock.yaml"
            config.write_text(config.read_text().replace("  finance: [ana, ben]", "  finance: [ana]"))
            assert daemon.post("/v1/admin/reload", {}, token="eve").status == 200
            daemon.kill()
            daemon.start()
            who = daemon.get("/v1/reviews/" + one).json["who"]
            assert (who["person"] == "ben") == may, who
            assert verdict(daemon, one, "approve", token="ben").status == (200 if may else 403)
            assert daemon.get("/v1/decisions/verify", token="eve").json["good"]

    def test_a_claim_of_who_left_keeps_nobody_away(self, tmp_path):
        folder = install(tmp_path, installation=INSTALLATION.replace("  admins: [ben]", "  admins: [eve]"))
        with Daemon(folder, token="ben") as daemon:
            one, _ = wait_for_review(daemon, "LEFT-2")
            assert daemon.post("/v1/reviews/%s/claim" % one, {"minutes": 480}, token="ana").status == 200
            assert verdict(daemon, one, "approve", token="ben").status == 409
            config = folder / "interlock.yaml"
            lines = config.read_text().replace("[ana, ben]", "[ben, eve]").replace(": ana", ": ben").splitlines()
            config.write_text("\n".join(line for line in lines if not line.startswith("  ana:")) + "\n")
            for policy in (folder / "policies").iterdir():
                policy.write_text(policy.read_text().replace(": ana", ": ben"))
            reload = daemon.post("/v1/admin/reload", {}, token="eve")
            assert reload.status == 200, reload
            card = daemon.get("/v1/reviews/" + one).json
            assert card["who"]["person"] == "ben" and card["claimed"] is None, card
            assert [i["who"]["person"] for i in pages(daemon, "kind=review")] == ["ben"]
            assert verdict(daemon, one, "approve", token="ben").status == 200

    def test_what_is_claimed_is_found_by_who_claimed_it(self, tmp_path):
        """A cover of one who is back by now has it in hand all the same."""
        with Daemon(install(tmp_path), token="ana") as daemon:
            review, _ = wait_for_review(daemon, "AWAY-9")
            assert daemon.post("/v1/admin/away", {"person": "ana", "until": "2090-12-01", "cover": "eve"}, token="ben").status == 200
            assert daemon.post("/v1/reviews/%s/claim" % review, {}, token="eve").status == 200
            assert daemon.post("/v1/admin/away", {"back": True}).status == 200
            assert [i["id"] for i in pages(daemon, "who=eve")] == [review]
            assert daemon.post("/v1/reviews/%s/release" % review, {}, token="ben").status == 409
            daemon.post("/v1/reviews/%s/reassign" % review, {"to": "ben"}, token="ben")
            assert pages(daemon, "who=eve") == [] and len(pages(daemon, "who=ben")) == 1

    def test_a_service_is_never_away(self, well):
        assert well.post("/v1/admin/away", {"person": "ana", "until": "2090-01-01"}, token="billing-cron").status == 403


def kinds_of_control(daemon):
    return [line["record"]["kind"] for line in daemon.get("/v1/decisions?last=1000", token="ben").json
            if line["record"]["kind"] == "away"]


def test_a_large_input_can_be_edited(tmp_path):
    """The input, what it was and what it is now, in one payload: at the largest body that `limits` takes."""
    size = 3900000
    with Daemon(install(tmp_path, INSTALLATION + "limits: { body: 4MB }\n")) as daemon:
        item = {"invoice": "INV-1", "stage": 1, "balance": 50000, "email": "m@example.org", "x": "y" * size}
        asked = daemon.submit("invoice-reminders", "send_reminder", item).json
        assert asked["state"] == "in_review", asked
        verdict = "/v1/reviews/%s/verdict" % asked["review"]
        more = daemon.post(verdict, {"verdict": "edit", "edit": {"z": "z" * size}}, token="ana")
        assert more.status == 422 and "too large" in more.json["detail"], more
        done = daemon.post(verdict, {"verdict": "edit", "edit": {"x": "z" * size}}, token="ana")
        assert done.status == 200 and done.json["state"] == "done", done.text[:400]
        assert daemon.get("/v1/actions/" + asked["action"]).json["state"] == "done"
