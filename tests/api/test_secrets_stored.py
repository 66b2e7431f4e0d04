"""R23: what people say is stored without the configured secrets that stand in it."""
import base64, re, sqlite3, urllib.parse

from interlock_client import FAR, TOKENS
from story_world import World

POLICY = """\
workflow: stories
purpose: What people say of an action
owner: finance
restart: finance-leads
inform: ana
mode: auto
steps:
  ask:
    kind: webhook
    call: plain POST /v1/ask
    key: ${input.id}
    body: { id: "${input.id}", size: "${input.size}" }
    rules: [ask: review if input.size > 1]
  carry:
    kind: command
    call: caller
    key: ${input.id}
  write:
    kind: webhook
    call: plain POST /v1/write
    key: ${input.id}
    body: { id: "${input.id}" }
    timeout: 1s
""" + FAR


def forms(secret):
    raw = secret.encode()
    return {raw, base64.b64encode(raw), urllib.parse.quote(secret, safe="").encode()}


SECRETS = {form for secret in TOKENS.values() for form in forms(secret)}


def said(what):
    token = TOKENS["eve"]
    return "%s: %s, %s and %s." % (what, token, base64.b64encode(token.encode()).decode(), urllib.parse.quote(token, safe=""))


def payloads(folder):
    """Every payload as it is stored, with the words of the records behind each other."""
    with sqlite3.connect(folder / "data/interlock.db") as db:
        return b"\n".join(bytes(value) for (value,) in db.execute("SELECT bytes FROM payloads"))


def test_what_people_say_is_stored_without_secrets(tmp_path):
    with World(tmp_path, policy=POLICY) as world:
        daemon = world.daemon
        for n, verdict in enumerate(("approve", "reject", "edit", "note")):
            answer = daemon.submit("stories", "ask", {"id": "a%d" % n, "size": 2}, token="billing-cron", because=said("because"))
            review = answer.json["review"]
            body = {"verdict": verdict, "note": said(verdict), "digest": daemon.get("/v1/reviews/" + review, token="ana").json["digest"]}
            if verdict == "edit":
                body["edit"] = {"size": 3}
            taken = daemon.post("/v1/reviews/%s/verdict" % review, body, token="ana")
            assert taken.status in (200, 202), taken
        permit = daemon.submit("stories", "carry", {"id": "c"}, token="billing-cron").json
        begun = {"token": permit["permit"]["token"]}
        carried = "/v1/actions/" + permit["action"]
        assert daemon.post(carried + "/begin", begun, token="billing-cron").status == 200
        told = daemon.post(carried + "/outcome", dict(begun, attempt=1, outcome="ok", response={"said": said("response")}),
                           token="billing-cron")
        assert told.status == 200 and TOKENS["eve"] not in told.text, told
        world.plain.set(mode="drop", times=1)
        open = daemon.submit("stories", "write", {"id": "w"}, token="billing-cron", because=said("because")).json["action"]
        assert daemon.action(open)["state"] == "uncertain"
        resolved = daemon.post("/v1/actions/%s/resolve" % open,
                               {"happened": True, "evidence": said("evidence")}, token="ana")
        assert resolved.status == 200, resolved
        stop = daemon.post("/v1/stops", {"scope": {"workflow": "stories"}, "reason": said("stop")}, token="ben").json
        incident = stop["incident"]
        for what in ("informed",):
            daemon.post("/v1/incidents/%s/%s" % (incident, what), {"reason": said(what)}, token="ana")
        daemon.post("/v1/incidents/%s/restart" % incident, {"reason": said("restart")}, token="ana")
        assert daemon.post("/v1/incidents/%s/reject" % incident, {"reason": said("no to it")}, token="ana").status == 202
        daemon.stop()
        stored = payloads(tmp_path)
        for what in ("because", "approve", "reject", "edit", "note", "evidence", "stop", "restart", "no to it", "response"):
            assert re.search((what + r": \*\*\*, \*\*\*=* and \*\*\*\.").encode(), stored), (what, stored)
        for form in SECRETS:
            assert form not in stored, (form, stored)
        daemon.start()  # for the end of the world
