"""What `status` says by step, cause and risk class is over a day, and no restart takes it away: neither kill -9 nor
a stop in order, neither what was written nor what the records still hold."""
from interlock_client import FAR
from story_world import World

POLICY = """\
workflow: stories
purpose: Degraded by a template
owner: finance
restart: finance-leads
inform: ana
mode: auto
steps:
  classify:
    kind: webhook
    call: plain POST /v1/classify
    key: ${input.id}
    body: { id: "${input.id}" }
    confidence: at least 0.8
    risk: [ large if input.n > 100, small if input.n > 10 ]
    fallback:
      low_confidence: template general
    templates:
      general: { answer: { queue: general } }
""" + FAR


def submit(world, id, n, confidence):
    answer = world.daemon.submit("stories", "classify", {"id": id, "n": n}, token="billing-cron", confidence=confidence)
    assert answer.json["state"] == "done", answer


def step(world):
    (workflow,) = [w for w in world.daemon.get("/v1/status").json["workflows"] if w["workflow"] == "stories"]
    (one,) = [s for s in workflow["steps"] if s["step"] == "classify"]
    return one["degraded"]["low_confidence"], {r["class"]: (r["automatic"] + r["by_fallback"], r["degraded"]) for r in one["risk"]}


def test_steps_are_counted_over_restarts(tmp_path):
    with World(tmp_path, policy=POLICY) as world:
        for i in range(6):
            submit(world, "a%d" % i, 200 if i % 2 else 20, 0.5 if i < 4 else 0.9)
        submit(world, "b", 1, 0.9)
        want = (4, {"large": (3, 2), "small": (3, 2), "normal": (1, 0)})
        assert step(world) == want
        world.daemon.kill()  # most of it in the records alone
        world.daemon.start()
        assert step(world) == want
        submit(world, "c", 1, 0.5)
        want = (5, {"large": (3, 2), "small": (3, 2), "normal": (2, 1)})
        assert step(world) == want
        world.daemon.stop()
        world.daemon.start()
        assert step(world) == want
        path = world.daemon.folder / "policies" / "stories.yaml"
        path.write_text(POLICY.replace("large if input.n > 100, small if input.n > 10", "small if input.n < 11"))
        assert world.daemon.post("/v1/admin/reload", token="ben").status == 200
        world.daemon.kill()
        world.daemon.start()
        assert step(world) == (5, {"small": (3, 2), "normal": (2, 1)})  # by its name
