"""The story of the reminders, played whole (tools/story-reminders) with the project's own outage; the figures that it
counted at the mailer are asserted here, not in the story's own words."""
import json, os, pathlib, subprocess, sys

ROOT = pathlib.Path(__file__).resolve().parents[2]


def test_the_mailer_is_out_while_reminders_are_sent(tmp_path):
    figures = tmp_path / "figures.json"
    build = os.path.relpath(os.environ.get("INTERLOCK_BUILD", "build/asan"), ROOT)
    done = subprocess.run([sys.executable, str(ROOT / "tools/story-reminders"), "--json", str(figures)], text=True,
                          env=dict(os.environ, BUILD=build, STORY=str(tmp_path / "story")), stdin=subprocess.DEVNULL,
                          capture_output=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(figures.read_text())
    assert found["invoices"] == 150 and sum(found["states"].values()) == 150
    assert set(found["states"]) <= {"done", "rejected", "uncertain", "in_review"}
    assert found["attempts"] <= 175 and found["requests"] <= found["attempts"]
    assert found["sent_twice"] == 0
    assert found["held_peak"] >= 40 and found["held_left"] == 0
    assert found["drain_peak_per_s"] <= 13
    assert found["paid"] >= 4 and found["paid_and_sent"] == 0
    assert found["states"].get("rejected", 0) == found["paid"]
    assert found["waits_for_nobody"] == 0
    assert found["told_of_outage"] and found["told_of_recovery"] and "ana" in found["people_told"]
    assert found["recovered_sent"] >= found["held_peak"] / 2, "told that it is over before the queue had drained"
    assert "DEGRADED for invoice-reminders" in done.stdout and "RECOVERED" in done.stdout
    assert "rule paid-already" in done.stdout and "FRESH" in done.stdout
