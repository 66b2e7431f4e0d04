#!/usr/bin/env python3
"""Sends a reminder for every invoice of a CSV file, through interlock.

    remind.py invoices.csv [--workers 8]

INTERLOCK_URL and INTERLOCK_TOKEN say where and who. The script may be started again at any time, also
in the middle: interlock knows each invoice and stage by its key and never sends one twice."""
import argparse, concurrent.futures, csv, http.client, json, os, threading, time, urllib.parse

URL = urllib.parse.urlsplit(os.environ.get("INTERLOCK_URL", "http://127.0.0.1:7070"))
TOKEN = os.environ["INTERLOCK_TOKEN"]
PATH = "/v1/workflows/invoice-reminders/steps/send_reminder/actions"
local = threading.local()


def ask(body):
    """One request on this thread's connection; a new connection after a failure."""
    if getattr(local, "connection", None) is None:
        local.connection = http.client.HTTPConnection(URL.hostname, URL.port, timeout=30)
    try:
        local.connection.request("POST", PATH, body, {"Authorization": "Bearer " + TOKEN,
                                                      "Content-Type": "application/json", "Prefer": "wait=20"})
        answer = local.connection.getresponse()
        return answer.status, json.loads(answer.read())
    except (OSError, http.client.HTTPException):
        local.connection.close()
        local.connection = None
        raise


def remind(row):
    """Asks until interlock has taken it. Asking again is harmless: the key is the same."""
    body = json.dumps({"run": row["invoice"], "because": row["days"] + " days overdue",
                       "input": {"invoice": row["invoice"], "stage": int(row["stage"]),
                                 "balance": float(row["balance"]), "email": row["email"]}})
    for wait in (0.2, 0.5, 1, 2, 4, 8, 8, 8):
        try:
            status, answer = ask(body)
            if status != 503:
                return answer.get("state") or answer.get("action", {}).get("state") or "status %d" % status
        except (OSError, http.client.HTTPException, ValueError):
            pass  # interlock is away for a moment
        time.sleep(wait)
    return "not taken"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("invoices")
    parser.add_argument("--workers", type=int, default=8)
    args = parser.parse_args()
    with open(args.invoices, newline="") as file:
        rows = list(csv.DictReader(file))
    counts = {}
    with concurrent.futures.ThreadPoolExecutor(args.workers) as pool:
        for state in pool.map(remind, rows):
            counts[state] = counts.get(state, 0) + 1
    print(", ".join("%d %s" % (n, state) for state, n in sorted(counts.items(), key=lambda c: -c[1])))


main()
