#!/usr/bin/env python3
"""The same reminders without interlock: what many a script does. Three tries, straight to the provider.

    naive.py invoices.csv PROVIDER_URL PROGRESS_FILE [--workers 8]

It even keeps a file of what is done, so that it can go on after a crash. It is here to be compared."""
import argparse, concurrent.futures, csv, http.client, json, os, threading, urllib.parse

local = threading.local()
lock = threading.Lock()


def send(url, row):
    body = json.dumps({"to": row["email"], "template": "reminder", "invoice": row["invoice"], "stage": int(row["stage"])})
    for _ in range(3):
        try:
            if getattr(local, "connection", None) is None:
                local.connection = http.client.HTTPConnection(url.hostname, url.port, timeout=10)
            local.connection.request("POST", "/v1/messages", body, {"Content-Type": "application/json"})
            answer = local.connection.getresponse()
            answer.read()
            if answer.status < 500:
                return True
        except (OSError, http.client.HTTPException):
            local.connection.close()
            local.connection = None
    return False


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("invoices")
    parser.add_argument("url", type=urllib.parse.urlsplit)
    parser.add_argument("progress")
    parser.add_argument("--workers", type=int, default=8)
    args = parser.parse_args()
    done = set(open(args.progress).read().split()) if os.path.exists(args.progress) else set()
    with open(args.invoices, newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["invoice"] not in done]
    with open(args.progress, "a") as progress:
        def one(row):
            if send(args.url, row):
                with lock:
                    progress.write(row["invoice"] + "\n")
                    progress.flush()
        with concurrent.futures.ThreadPoolExecutor(args.workers) as pool:
            list(pool.map(one, rows))


main()
