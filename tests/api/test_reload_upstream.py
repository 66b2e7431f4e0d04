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
