"""A risk class is known by its name: what sleeps in the store is not read as another class when the policy lists
them in another order."""
import pytest

from interlock_client import FAR
from story_world import World

POLICY = """\
workflow: stories
purpose: Classes in an order
owner: finance
restart: finance-leads
inform: ana
mode: auto
steps:
  ask:
    kind: webhook
    call: plain POST /v1/ask
    key: ${input.id}
    body: { id: "${input.id}" }
    risk: [ %s ]
    rules:
      - ask: review if true
""" + FAR
LARGE, SMALL = "large if input.n > 100", "small if input.n < 100"


def write(world, *classes):
    path = world.daemon.folder / "policies" / "stories.yaml"
    path.write_text(POLICY % ", ".join(classes))


def risks(world):
    (workflow,) = [w for w in world.daemon.get("/v1/status").json["workflows"] if w["workflow"] == "stories"]
    (step,) = [s for s in workflow["steps"] if s["step"] == "ask"]
    return {r["class"]: r["other"] for r in step["risk"]}


@pytest.mark.parametrize("how", ["reload", "start"])
def test_classes_in_another_order(tmp_path, how):
    with World(tmp_path, policy=POLICY % ", ".join((LARGE, SMALL))) as world:
        answer = world.daemon.submit("stories", "ask", {"id": "a", "n": 7}, token="billing-cron")
        assert answer.json["state"] == "in_review", answer
        if how == "start":
            world.daemon.stop()
        write(world, SMALL, LARGE)
        if how == "start":
            world.daemon.start()
        else:
            assert world.daemon.post("/v1/admin/reload", token="ben").status == 200
        verdict = world.daemon.post("/v1/reviews/%s/verdict" % answer.json["review"], {"verdict": "reject"}, token="ana")
        assert verdict.status in (200, 202), verdict
        assert risks(world) == {"small": 1, "large": 0, "normal": 0}
