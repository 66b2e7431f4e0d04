"""A rule that compares a masked field with a text does not tell what the field holds (R23)."""
from interlock_client import FAR
from story_world import World
from test_incidents import cli

POLICY = """\
workflow: stories
purpose: A rule on a masked field
owner: finance
restart: finance-leads
inform: ana
mode: auto
steps:
  ask:
    kind: webhook
    call: plain POST /v1/ask
    key: ${input.id}
    body: { id: "${input.id}", email: "${input.email}" }
    mask: [email, code]
    rules:
      - known: review if input.email == "maria@example.org"
      - coded: review if input.code == 987654
""" + FAR


def test_a_literal_on_a_masked_field_is_not_shown(tmp_path):
    with World(tmp_path, policy=POLICY) as world:
        answer = world.daemon.submit("stories", "ask", {"id": "a", "email": "maria@example.org", "code": 987654},
                                     token="billing-cron")
        assert answer.json["state"] == "in_review", answer
        explain = world.daemon.get("/v1/actions/%s/explain" % answer.json["action"], headers={"Accept": "text/plain"}).text
        assert "rule known yes (email" in explain and "= ***" in explain, explain
        seen = [explain, answer.text, cli(world.daemon, "inbox")[1], cli(world.daemon, "log", token="ben")[1],
                world.daemon.get("/v1/actions/%s/explain" % answer.json["action"]).text,
                world.daemon.get("/v1/inbox").text, cli(world.daemon, "review", answer.json["review"])[1],
                world.daemon.get("/v1/reviews/" + answer.json["review"]).text]
        for text in seen:
            assert "maria@" not in text and "987654" not in text, text
