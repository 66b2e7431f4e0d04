"""R11: a policy that orders by another thing takes what is open with it, over a reload, a restart and kill -9."""
import pytest

from interlock_client import FAR, wait_for
from story_world import World

POLICY = """\
workflow: stories
purpose: One thing at a time
owner: finance
restart: finance-leads
inform: ana
mode: auto
steps:
  ticket:
    kind: ticket
    call: plain POST /v1/tickets
    key: ${input.id}
    order_by: ${input.ticket}
    body: { id: "${input.id}", ticket: "${input.ticket}" }
    retry: { attempts: 1 }
    timeout: 2s
""" + FAR


@pytest.fixture
def world(tmp_path):
    with World(tmp_path, policy=POLICY) as running:
        yield running


def submit(world, id, ticket, team):
    return world.daemon.submit("stories", "ticket", {"id": id, "ticket": ticket, "team": team}, token="billing-cron",
                               headers={"Prefer": "wait=10"})


def order_by(world, field):
    path = world.daemon.folder / "policies" / "stories.yaml"
    path.write_text(POLICY.replace("order_by: ${input.ticket}", "order_by: ${input.%s}" % field))


def reload(world, field):
    order_by(world, field)
    answer = world.daemon.post("/v1/admin/reload", token="ben")
    assert answer.status == 200, answer


def doubt(world, id, ticket, team):
    """An action of which nobody knows whether it happened: unended, so it is before all newer ones of its thing."""
    world.plain.set(mode="effect-drop", times=1)
    answer = submit(world, id, ticket, team)
    assert answer.json["state"] == "uncertain", answer
    return answer.json["action"]


def settle(world, action):
    assert world.daemon.post("/v1/actions/%s/resolve" % action, {"happened": True, "evidence": "seen"}, token="ana").status == 200


def is_held_for(world, answer, first):
    assert answer.status == 202 and answer.json["state"] == "held" and answer.json["reason"] == "older_one_first", answer
    assert ("Waits until %s of the same thing" % first) in world.daemon.action(answer.json["action"])["what"]


def test_a_reload_takes_what_is_open_with_it(world):
    first = doubt(world, "a", "t1", "x")
    assert submit(world, "b", "t2", "x").json["state"] == "done"  # another thing
    reload(world, "team")
    wait_for("it is moved", lambda: "reordered" in world.daemon.get("/v1/decisions?limit=1000").text)
    held = submit(world, "c", "t3", "x")
    is_held_for(world, held, first)
    other = submit(world, "d", "t1", "y").json["action"]  # no longer the same thing
    wait_for("it goes", lambda: world.daemon.action(other)["state"] == "done")
    settle(world, first)
    wait_for("it goes", lambda: world.daemon.action(held.json["action"])["state"] == "done")


def test_what_arrives_right_after_the_reload_waits(world):
    first = doubt(world, "a", "t1", "x")
    reload(world, "team")
    held = submit(world, "c", "t3", "x")
    other = submit(world, "d", "t1", "y")
    assert held.json["state"] == "held", held
    wait_for("nothing is before it", lambda: world.daemon.action(other.json["action"])["state"] == "done")
    assert world.daemon.action(held.json["action"])["state"] == "held"
    settle(world, first)
    wait_for("it goes", lambda: world.daemon.action(held.json["action"])["state"] == "done")


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_files_that_changed_while_nobody_served(world, how):
    first = doubt(world, "a", "t1", "x")
    if how == "stop":
        world.daemon.stop()
    else:
        reload(world, "team")
        world.daemon.kill()  # perhaps before all of it was moved
    order_by(world, "team")
    world.daemon.start()
    held = submit(world, "c", "t3", "x")
    assert held.json["state"] == "held", held
    wait_for("it is known what is before it", lambda: first in world.daemon.action(held.json["action"])["what"])
    settle(world, first)
    wait_for("it goes", lambda: world.daemon.action(held.json["action"])["state"] == "done")
