"""docs/expressions.md says what is so: its examples, and each function by name."""
import json, os, re, subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("INTERLOCK_BUILD", os.path.join(ROOT, "build/asan"))


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        return file.read()


def plain(value):
    (name, inner), = value.items()
    if name == "list":
        return [plain(item) for item in inner]
    if name in ("int", "double"):
        return json.loads(inner)
    return inner == "true" if name == "bool" else inner


def test_examples():
    rows = re.findall(r"^- `(.+)` → (?:`(.+)`|error)$", read("docs/expressions.md"), re.M)
    assert len(rows) > 15
    text = "".join(json.dumps({"expr": expr, "input": {}}) + "\n" for expr, _ in rows)
    out = subprocess.run([os.path.join(BUILD, "tests/oracle/expr_eval")], input=text, capture_output=True,
                         encoding="utf-8", check=True).stdout
    for (expr, want), line in zip(rows, out.strip().split("\n")):
        answer = json.loads(line)
        got = json.dumps(plain(answer["value"])) if "value" in answer else ""
        assert got == (json.dumps(json.loads(want)) if want else ""), (expr, answer)


def test_every_function_is_named():
    page = read("docs/expressions.md")
    names = set(re.findall(r'^    \{"([a-zA-Z_]+)", ', read("src/policy/expr_function.c"), re.M))
    assert len(names) > 25
    assert [name for name in sorted(names) if not re.search(r"\b%s\b" % name, page)] == []


def test_limits_are_as_told():
    limits = read("src/base/limits.h")
    for name, value in (("TEXT", "2048"), ("NODES", "256"), ("DEPTH", "32"), ("STEPS", "100000")):
        assert re.search(r"#define LIMIT_EXPR_%s\s+(\\\s+)?%s\b" % (name, value), limits), name
