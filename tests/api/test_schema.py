"""docs/schema against the loader: the same names, and the same opinion on many good and bad files."""
import json, os, pathlib, re, subprocess, textwrap

import jsonschema, pytest, yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("INTERLOCK_BUILD", ROOT / "build" / "asan")).resolve()
ORACLE = BUILD / "tests" / "oracle" / "check_files"
CASES = ROOT / "tests" / "unit" / "policy"
SCHEMAS = {name: json.loads((ROOT / "docs" / "schema" / (name + ".schema.json")).read_text())
           for name in ("interlock", "policy")}
# A file with one of these is no file of that shape: the schema must say so too.
SHAPE = {"IL010", "IL011", "IL012", "IL014"}
# The file is not YAML, or not the same YAML to every reader: there is nothing to compare.
TEXT = {"IL001", "IL002", "IL003", "IL004", "IL005", "IL006", "IL007"}
HEAD = "workflow: w\nowner: team\nrestart: leads\ninform: team\nmode: auto\n"
STEP = "kind: webhook\ncall: mail POST /x\nkey: ${input.k}\n"


class Core(yaml.SafeLoader):
    """YAML 1.2's core types, which are what the loader and editors read."""


Core.yaml_implicit_resolvers = {}
for tag, pattern, first in (
        ("null", r"^(~|null|Null|NULL|)$", ["~", "n", "N", ""]),
        ("bool", r"^(true|True|TRUE|false|False|FALSE)$", list("tTfF")),
        ("int", r"^[-+]?[0-9]+$", list("-+0123456789")),
        ("float", r"^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$", list("-+0123456789."))):
    Core.add_implicit_resolver("tag:yaml.org,2002:" + tag, re.compile(pattern), first)


def read_cases():
    for path in sorted(CASES.glob("*.cases")):
        for block in re.split(r"^=== ", path.read_text(), flags=re.M)[1:]:
            name, rest = block.split("\n", 1)
            parts = {m.group(1): m.group(2)
                     for m in re.finditer(r"^--- (\w+)\n(.*?)(?=^--- |\Z)", rest, re.S | re.M)}
            policy = parts.get("policy")
            if policy is None:
                policy = (parts.get("head", HEAD) + "steps:\n  s:\n" +
                          textwrap.indent(parts.get("step", STEP), "    ") + parts.get("tail", ""))
            yield pytest.param(parts.get("installation"), policy, id="%s: %s" % (path.stem, name))


def load(folder, installation, policy):
    (folder / "interlock.yaml").write_text(installation or (CASES / "interlock.yaml").read_text())
    (folder / "p.yaml").write_text(policy)
    p = subprocess.run([ORACLE, "--json", "interlock.yaml", "p.yaml"], cwd=folder, capture_output=True,
                       text=True, stdin=subprocess.DEVNULL)
    assert p.returncode in (0, 1), p.stderr
    return json.loads(p.stdout)["problems"]


def faults(name, text):
    keys = []

    def unique(loader, node, deep=False):  # a key is a text to interlock
        return {loader.construct_scalar(k) if isinstance(k, yaml.ScalarNode) else str(k):
                loader.construct_object(v, deep=True) for k, v in node.value}

    class Reader(Core):
        pass

    Reader.add_constructor("tag:yaml.org,2002:map", unique)
    value = yaml.load(text, Reader)
    return list(jsonschema.Draft202012Validator(SCHEMAS[name]).iter_errors(value))


def compare(name, file, text, problems):
    mine = [p for p in problems if p["file"] == file]
    errors = {p["code"] for p in mine if p["severity"] == "error"}
    if errors & TEXT:
        return
    found = faults(name, text)
    if not errors:
        assert not found, found[0].message
    impossible = any(p["code"] == "IL013" and "is not possible here" in p["message"] for p in mine)
    if errors & SHAPE or impossible:
        assert found, "the schema takes what the loader refuses: %s" % [p["message"] for p in mine]


@pytest.mark.parametrize("installation,policy", read_cases())
def test_schema_and_loader_agree(tmp_path, installation, policy):
    problems = load(tmp_path, installation, policy)
    if installation is not None:
        compare("interlock", "interlock.yaml", installation, problems)
    compare("policy", "p.yaml", policy, problems)


@pytest.mark.parametrize("name", ("interlock", "policy"))
def test_schema_is_one(name):
    jsonschema.Draft202012Validator.check_schema(SCHEMAS[name])


def test_design_samples_fit():
    folder = CASES / "design"
    assert not faults("interlock", (folder / "interlock.yaml").read_text())
    for path in (folder / "policies").glob("*.yaml"):
        assert not faults("policy", path.read_text())


def test_the_changelog_lists_what_is_not_enforced():
    later = re.findall(r'X\(LATER_\w+, "(\w+)"', (ROOT / "src/policy/later.h").read_text())
    line, = [l for l in (ROOT / "CHANGELOG.md").read_text().splitlines() if l.startswith("- Not enforced yet;")]
    said = set(re.findall(r"`(\w+)`", line.split("/readyz`:")[1])) - {"behind_proxy"}
    assert later and said == set(later)


def test_same_names():
    names = json.loads(subprocess.run([ORACLE, "--fields"], capture_output=True, text=True, check=True,
                                      stdin=subprocess.DEVNULL).stdout)
    policy, interlock = SCHEMAS["policy"], SCHEMAS["interlock"]
    step, upstream = policy["$defs"]["step"]["properties"], interlock["$defs"]["upstream"]["properties"]
    auth = {k: v for one in interlock["$defs"]["auth"]["oneOf"] for k, v in one["properties"].items()}
    either = lambda schema: {k for one in schema["oneOf"] for k in one["properties"]}
    of = lambda schema: set(schema["properties"])
    have = {
        "a policy": of(policy), "a step": set(step), "`retry`": of(step["retry"]),
        "`audit`": of(step["audit"]), "`check`": of(step["check"]), "`refresh`": of(step["refresh"]),
        "`uncertain`": of(step["uncertain"]), "`fallback`": of(step["fallback"]),
        "a template": either(policy["$defs"]["template"]),
        "interlock.yaml": of(interlock), "a person": of(interlock["$defs"]["person"]),
        "a service": of(interlock["$defs"]["service"]),
        "`switch`": of(interlock["properties"]["switch"]), "an upstream": set(upstream),
        "`idempotency` of an upstream": of(upstream["idempotency"]),
        "`breaker`": of(upstream["breaker"]), "`auth`": set(auth),
        "`basic`": of(auth["basic"]), "`header` of auth": of(auth["header"]),
        "a secret": either(interlock["$defs"]["secret"]),
        "a channel": of(interlock["$defs"]["channel"]),
        "`console`": of(interlock["properties"]["console"]), "`tls`": of(interlock["properties"]["tls"]),
        "`watchdog`": of(interlock["properties"]["watchdog"]),
        "`limits`": of(interlock["properties"]["limits"]),
    }
    assert {k: set(v) for k, v in names.items()} == have
    page = (ROOT / "docs" / "policy.md").read_text()
    missing = {name for fields in names.values() for name in fields if "`%s`" % name not in page
               and not re.search(r"`[^`]*\b%s\b[^`]*`" % name, page)}
    assert not missing, "docs/policy.md does not say what these are: %s" % missing


def test_examples_load_and_fit():
    folder = ROOT / "examples"
    policies = sorted(folder.glob("*/policy.yaml"))
    assert len(policies) >= 2
    p = subprocess.run([ORACLE, "--json", folder / "interlock.yaml", *policies], capture_output=True,
                       text=True, stdin=subprocess.DEVNULL)
    assert p.returncode == 0, p.stdout
    assert not faults("interlock", (folder / "interlock.yaml").read_text())
    for path in policies:
        assert not faults("policy", path.read_text())
