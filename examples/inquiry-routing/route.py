#!/usr/bin/env python3
"""Routes support tickets (JSON lines) to teams, through interlock.

    route.py tickets.jsonl        or        replay_tickets.py … | route.py -

Each line: ticket_id, text, predicted_intent, confidence, domain. INTERLOCK_URL and INTERLOCK_TOKEN say
where and who. The model is what made the predictions; this script only asks to act on them."""
import http.client, json, os, sys, urllib.parse

URL = urllib.parse.urlsplit(os.environ.get("INTERLOCK_URL", "http://127.0.0.1:7070"))
TOKEN = os.environ["INTERLOCK_TOKEN"]
TEAMS = {"banking": "accounts", "credit_cards": "cards", "travel": "travel", "auto_and_commute": "travel",
         "work": "internal", "kitchen_and_dining": "orders", "home": "orders"}


def team_of(ticket):
    if ticket["predicted_intent"] in ("damaged_card", "report_fraud", "refund", "cancel", "order_status"):
        return "refunds"
    return TEAMS.get(ticket.get("domain"), "general")


def main():
    lines = sys.stdin if len(sys.argv) < 2 or sys.argv[1] == "-" else open(sys.argv[1], encoding="utf-8")
    connection = http.client.HTTPConnection(URL.hostname, URL.port, timeout=30)
    counts = {}
    for line in lines:
        ticket = json.loads(line)
        body = json.dumps({"run": ticket["ticket_id"], "confidence": ticket["confidence"],
                           "because": "intent " + ticket["predicted_intent"],
                           "context": {"model_version": ticket.get("model", "m3")},
                           "input": {"ticket": ticket["ticket_id"], "team": team_of(ticket),
                                     "subject": ticket["text"][:80], "channel": ticket.get("channel", "mail")}})
        connection.request("POST", "/v1/workflows/inquiry-routing/steps/route_ticket/actions", body,
                           {"Authorization": "Bearer " + TOKEN, "Content-Type": "application/json"})
        answer = connection.getresponse()
        got = json.loads(answer.read())
        state = got.get("state") or got.get("title", "status %d" % answer.status)
        counts[state] = counts.get(state, 0) + 1
    print(", ".join("%d %s" % (n, state) for state, n in sorted(counts.items(), key=lambda c: -c[1])))


main()
