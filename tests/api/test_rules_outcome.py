"""What may have happened (R1, R2), and what a repeat is allowed to be (R4, R5, R6), against a real provider."""
import shutil, threading

import pytest

from story_world import POLICY, World, wait_requests

STEP = """\
  {name}:
    kind: webhook
    call: plain POST /v1/{name}
    key: ${{input.id}}
    body: {{ id: "${{input.id}}" }}
    retry: {{ attempts: 1 }}
    timeout: 2s
{more}"""


@pytest.fixture
def world(tmp_path):
    """One for each test: what a test does to the breaker and the retry bucket is its own."""
    with World(tmp_path) as running:
        yield running


def submit(world, step, id):
    return world.submit(step, id, headers={"Prefer": "wait=20"})


def lost_then(world, id, **then):
    """keyed: the effect happens and its answer is lost; every later try meets `then`."""
    answers = []
    world.keyed.set(mode="effect-drop", delay_ms=300)
    thread = threading.Thread(target=lambda: answers.append(submit(world, "keyed", id)))
    thread.start()
    wait_requests(world.keyed, 1)
    world.keyed.set(delay_ms=0, **then)  # the first is under way; it is dropped all the same
    thread.join(60)
    return answers[0]


# ---- R1: uncertainty is a fact of the action ----


@pytest.mark.parametrize("status", [401, 409])
def test_a_refusal_after_a_lost_answer_is_not_failed(world, status):
    """The token is rotated, or the key in progress: the first try may have happened all the same."""
    answer = lost_then(world, "r1-%d" % status, mode="status:%d" % status)
    if status == 409:  # the key is in progress there: it was asked three times, and waits for the provider
        assert answer.status == 202 and answer.json["state"] in ("held", "uncertain"), answer
    else:
        assert answer.json["state"] == "uncertain" and answer.json["who"]["group"] == "finance", answer
    assert world.keyed.effects()["by"]["r1-%d" % status] == 1
    # It is never failed, cancelled or tried again by a caller; only a person says what happened.
    id = answer.json["action"]
    cancelled = world.daemon.post("/v1/actions/%s/cancel" % id, {"reason": "no longer"})
    assert cancelled.status == 409, cancelled
    again = world.daemon.post("/v1/actions/%s/again" % id, {"reason": "once more"}, token="ana")
    assert again.status == 409, again
    assert world.daemon.action(id)["state"] == answer.json["state"]
    settled = world.daemon.post("/v1/actions/%s/resolve" % id, {"happened": True, "evidence": "in their list"}, token="ana")
    assert settled.status == 200 and settled.json["state"] == "done"


@pytest.mark.parametrize("then", [{"mode": "refuse"}, {"mode": "status:429"}])
def test_no_way_back_from_may_have_happened(world, then):
    """Not sent, or busy, until the tries are used up: the chain would park it as unavailable; R1 first."""
    id = "back-" + then["mode"]
    answer = lost_then(world, id, **then)
    for _ in range(40):
        if answer.json["state"] not in ("attempting", "waiting"):
            break
        answer = submit(world, "keyed", id)
    assert answer.json["state"] in ("uncertain", "held"), answer
    if answer.json["state"] == "held":
        cancelled = world.daemon.post("/v1/actions/%s/cancel" % answer.json["action"], {"reason": "x"})
        assert cancelled.status == 409 and world.daemon.action(answer.json["action"])["state"] != "cancelled", cancelled
    assert world.keyed.effects()["by"][id] == 1


def test_did_not_happen_is_a_grant_of_one_try(world):
    """R15: a person's word grants exactly one start, and is recorded."""
    world.plain.set(mode="drop", times=1)
    first = submit(world, "plain", "grant").json
    assert first["state"] == "uncertain" and first["attempts"] == 1
    world.plain.set(mode="effect-drop", times=1)
    sent = world.daemon.post("/v1/actions/%s/resolve" % first["action"], {"happened": False, "send": True, "evidence": "asked"}, token="ana")
    assert sent.status == 200, sent
    action = world.wait("plain", "grant", "uncertain", "done")
    assert action["state"] == "uncertain" and action["attempts"] == 2, action  # lost again: a person again
    assert world.plain.effects()["by"]["grant"] == 1
    why = world.daemon.get("/v1/actions/%s/explain" % first["action"], headers={"Accept": "text/plain"}).text
    assert "Ana" in why or "ana" in why, why


def test_a_grant_under_a_stop_says_that_it_starts_after_the_restart(world):
    world.plain.set(mode="drop", times=1)
    first = submit(world, "plain", "stopped").json
    assert first["state"] == "uncertain", first
    assert world.daemon.post("/v1/stops", {"scope": {"workflow": "stories"}, "reason": "wrong"}).status == 202
    said = world.daemon.post("/v1/actions/%s/resolve" % first["action"], {"happened": False, "send": True, "evidence": "asked"}, token="ana").json
    assert said["state"] == "held", said
    assert "a person let it go" in said["what"] and said["what"].endswith("it starts after the restart."), said


# ---- R2: a 2xx, 302 or 303 to a write is never failed ----


@pytest.mark.parametrize("status", [302, 303])
def test_a_redirect_of_a_write_did_happen_maybe(world, status):
    world.plain.set(mode="status:%d" % status, times=1)
    answer = submit(world, "plain", "r2-%d" % status).json
    assert answer["state"] == "uncertain" and answer["who"]["group"] == "finance", answer


SUCCESS = [  # (lines of the step, how the provider answers, where it ends)
    ("    success: 'response.body.status == \"queued\"'\n", "ok", "uncertain"),          # the mailer says accepted
    ("    success: 'response.body.state.name == \"queued\"'\n", "ok", "uncertain"),      # it errors
    ("    success: 'response.body.status == \"accepted\"'\n", "cut-body", "uncertain"),  # it needs what was cut off
    ("    success: 'response.body.status == \"accepted\"'\n", "ok", "done"),
    ("", "cut-body", "done"),
    ("    success: 'response.body.status == \"queued\"'\n    failure: 'response.body.status == \"accepted\"'\n", "ok", "failed"),
]


def test_success_that_is_not_true_is_uncertain(tmp_path):
    steps = "".join(STEP.format(name="s%d" % n, more=more) for n, (more, _, _) in enumerate(SUCCESS))
    with World(tmp_path, policy=POLICY.split("  plain:\n")[0] + steps) as world:
        for n, (more, mode, state) in enumerate(SUCCESS):
            world.plain.set(mode=mode)
            answer = submit(world, "s%d" % n, "a%d" % n).json
            assert answer["state"] == state and answer["attempts"] == 1, (more, answer)
            assert world.plain.effects()["by"]["a%d" % n] == 1


# ---- R14: late truth ----


def test_nobody_decides_while_an_attempt_is_under_way(world):
    """R14: the answer may still come; a verdict before it would be overtaken."""
    world.plain.set(mode="slow", delay_ms=800, times=1)
    action = world.submit("plain", "late", headers={"Prefer": "respond-async"}).json
    assert action["state"] == "attempting", action
    wait_requests(world.plain, 1)
    refused = world.daemon.post("/v1/actions/%s/resolve" % action["action"], {"happened": False, "evidence": "x"}, token="ana")
    assert refused.status == 409, refused
    assert world.wait("plain", "late", "done")["attempts"] == 1


# ---- R4, R5: the provider's key, the frozen request ----


def test_one_action_one_provider_key_and_the_same_bytes(world):
    before = world.keyed.effects()
    answer = lost_then(world, "same", mode="effect-drop", times=1)
    assert answer.json["state"] == "done" and answer.json["attempts"] == 3, answer
    after = world.keyed.effects()
    assert after["conflicts"] == before["conflicts"] == 0
    assert after["repeats"] == before["repeats"] + 2 and after["by"]["same"] == 1
    assert len(after["by_key"]) == len(before["by_key"]) + 1


def test_again_is_another_provider_key(world):
    """R4: generation is part of the key: a new try must not be answered with the old refusal."""
    world.keyed.set(mode="status:400", times=1)
    failed = submit(world, "keyed", "gen").json
    assert failed["state"] == "failed"
    new = world.daemon.post("/v1/actions/%s/again" % failed["action"], {"reason": "they mended it"}, token="ana")
    assert new.status == 202, new
    done = world.daemon.action(world.wait("keyed", "gen", "done")["action"])  # it is ana's: the service sees state and id
    assert done["action"] == new.json["action"] and done["key"] == "gen" and done["again_of"] == failed["action"]


def test_the_provider_key_does_not_come_from_the_action(tmp_path):
    """R4's story: the store is lost, the installation key is not: the same caller key is the same provider key."""
    with World(tmp_path) as world:
        first = submit(world, "keyed", "INV-1").json
        world.daemon.stop()
        shutil.rmtree(tmp_path / "data")
        world.daemon.start()
        second = submit(world, "keyed", "INV-1").json
        assert second["state"] == "done" and second["action"] != first["action"]
        effects = world.keyed.effects()
        assert effects["effects"] == 1 and effects["repeats"] == 1, "charged twice after the store was lost"


@pytest.mark.parametrize("line, word", [
    ('    body: { id: "${input.id}", at: "${now}" }\n', "now"),
    ('    body: { id: "${input.id}", n: "${attempt}" }\n', "attempt"),
])
def test_a_request_that_changes_between_tries_is_refused_at_load(tmp_path, line, word):
    text = POLICY.replace('    call: keyed POST /v1/keyed\n    key: ${input.id}\n    body: { id: "${input.id}" }\n',
                          "    call: keyed POST /v1/keyed\n    key: ${input.id}\n" + line)
    assert text != POLICY
    with World(tmp_path) as world:
        (tmp_path / "policies" / "stories.yaml").write_text(text)
        refused = world.daemon.post("/v1/admin/reload")
        assert refused.status == 422 and word in refused.json["detail"], refused


# ---- R6: effect class and keeps are frozen ----


def test_a_reload_does_not_send_what_is_uncertain(tmp_path):
    """Somebody sets by-key to silence the inbox. The five lost answers opened the breaker, and a start forgets
    nothing of it: the next one waits for its turn to ask whether the provider is back."""
    with World(tmp_path, upstream=", breaker: { open: 1s }") as world:
        world.plain.set(mode="effect-drop")
        ids = ["c%d" % n for n in range(5)]
        for id in ids:
            assert submit(world, "plain", id).json["state"] == "uncertain"
        world.plain.set(mode="ok")
        config = tmp_path / "interlock.yaml"
        text = config.read_text()
        line = next(l for l in text.splitlines() if l.startswith("  plain:"))
        config.write_text(text.replace(line, line[:-1] + ", idempotency: { header: Idempotency-Key, keeps: 24h } }"))
        taken = world.daemon.post("/v1/admin/reload")
        assert taken.status == 200, taken
        world.daemon.stop()
        world.daemon.start()
        for id in ids:
            action = submit(world, "plain", id).json
            assert action["state"] == "uncertain" and action["attempts"] == 1, action
        assert world.plain.effects()["requests"] == 5
        world.wait("plain", "new", "done")
        assert world.plain.effects()["requests"] == 6


def test_keeps_that_has_lapsed_makes_it_uncertain_also_under_a_stop(tmp_path):
    """keeps counts from the first start, less max(10 %, 60 s) and the timeout: 63 s leave one second."""
    with World(tmp_path) as world:
        config = tmp_path / "interlock.yaml"
        config.write_text(config.read_text().replace("keeps: 24h", "keeps: 64s"))
        assert world.daemon.post("/v1/admin/reload").status == 200
        world.keyed.set(mode="effect-hang", times=1)
        answer = world.submit("keyed", "a", headers={"Prefer": "respond-async"}).json
        wait_requests(world.keyed, 1)
        world.daemon.post("/v1/stops", {"scope": {"workflow": "stories"}})
        action = world.wait("keyed", "a", "uncertain")
        assert action["action"] == answer["action"] and action["attempts"] == 1, action
        assert world.keyed.effects()["requests"] == 1
