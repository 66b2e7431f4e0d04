"""The story of the inquiry routing, played whole (tools/story-routing) with the project's own tickets; the figures that it
counted at the helpdesk and at the router are asserted here, not in the story's own words."""
import json, os, pathlib, subprocess, sys

ROOT = pathlib.Path(__file__).resolve().parents[2]


def test_a_model_starts_to_misroute_at_peak_volume(tmp_path):
    figures = tmp_path / "figures.json"
    build = os.path.relpath(os.environ.get("INTERLOCK_BUILD", "build/asan"), ROOT)
    tickets = ROOT / "examples/inquiry-routing/tickets.jsonl"  # the project's own, wherever this runs
    done = subprocess.run([sys.executable, str(ROOT / "tools/story-routing"), str(tickets), "--json", str(figures)], text=True,
                          env=dict(os.environ, BUILD=build, STORY=str(tmp_path / "story")), stdin=subprocess.DEVNULL,
                          capture_output=True, timeout=400)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(figures.read_text())
    assert found["trip_minutes"] is not None and 0 < found["trip_minutes"] <= 45
    assert found["caution_minutes"] is None or found["caution_minutes"] <= found["trip_minutes"]
    assert found["routed_on_fallback"] == 0
    assert found["on_fallback"]["review"] > 0 and found["on_fallback"]["template"] > 0 and found["reviewed"] > 0
    assert found["people_told"] == ["ana", "ben"] and found["acknowledged_s"] >= 1 and found["informed_s"] > found["acknowledged_s"]
    assert any(c["path"] == "context.model_version" and c["value"] == "m4" for c in found["changed"])
    assert found["own_approval"] == 403 and found["restarted"] and found["ramp"].startswith("5 one by one")
    assert found["lost"] == 0 and found["twice"] == 0
    assert "audited were wrong, limit 10 %" in done.stdout and "CHANGED" in done.stdout
    for said in ("SURGE", "TRIP", "ON FALLBACK by trigger misclassified", "RUNS AGAIN", "RAMP", "RUNNING"):
        assert said in done.stdout, said
