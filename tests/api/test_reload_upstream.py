"""R6: a reload that sends a step elsewhere does not take what has started along."""
from story_world import POLICY, World


def test_what_has_started_stays_with_its_provider(tmp_path):
    with World(tmp_path) as world:
        world.keyed.set(mode="status:503", times=1)
        policy = tmp_path / "policies" / "stories.yaml"
        world.daemon.post("/v1/stops", {"scope": {"workflow": "stories", "step": "plain"}, "position": "stopped"})
        held = world.submit("plain", "held-before").json
        started = world.submit("keyed", "started-before", headers={"Prefer": "respond-async"}).json
        policy.write_text(POLICY.replace("keyed POST /v1/keyed", "plain POST /v1/keyed").replace(
            "plain POST /v1/plain", "keyed POST /v1/plain").replace("    retry: { attempts: 3, backoff: 10ms..50ms }\n", "") + "ramp: []\n")
        answer = world.daemon.post("/v1/admin/reload", token="ben")
        assert answer.status == 200, answer.json["detail"]
        assert world.wait("keyed", "started-before", "done")["action"] == started["action"]
        assert world.plain.effects()["effects"] == 0, "a started write changed its provider"
        for incident in world.daemon.get("/v1/incidents").json["items"]:
            world.daemon.restart(incident["id"], "go on")
        assert world.wait("plain", "held-before", "done")["action"] == held["action"]
        assert world.plain.effects()["effects"] == 0 and world.keyed.effects()["effects"] == 2


def test_the_card_shows_the_bytes_that_an_approval_sends(tmp_path):
    """R5, R18: what was sent once is sent again byte for byte, so that is what a person approves."""
    before = POLICY.replace("    retry: { backoff: 10ms..50ms }\n", "    fallback: { failed: \"review, due 4h\" }\n", 1)
    with World(tmp_path, policy=before) as world:
        world.plain.set(mode="status:422", times=1)
        asked = world.submit("plain", "refused").json
        assert asked["state"] == "in_review" and asked["attempts"] == 1, asked
        (tmp_path / "policies" / "stories.yaml").write_text(before.replace(
            "    body: { id: \"${input.id}\" }\n", "    body: { id: \"${input.id}\", more: new }\n", 1))
        answer = world.daemon.post("/v1/admin/reload", token="ben")
        assert answer.status == 200, answer.json["detail"]
        card = world.daemon.get("/v1/reviews/" + asked["review"], token="ana").json
        assert card["will"]["body"] == {"id": "refused"}, card["will"]
        done = world.daemon.post("/v1/reviews/%s/verdict" % asked["review"], {"verdict": "approve"}, token="ana")
        assert done.json["state"] == "done", done
        assert world.plain.effects("more")["by"] in ({}, {"null": 1}, {"None": 1}), world.plain.effects("more")
