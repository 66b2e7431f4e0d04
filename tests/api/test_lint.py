"""tools/lint: small bad trees, each of which must yield its finding, and a good one that yields none."""
import os, pathlib, shutil, subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
LINT = ROOT / "tools" / "lint"

TABLE = """\
| folder | layer | what | may include | system headers |
|---|---|---|---|---|
| `src/base/` | base | tools | | C17 |
| `src/policy/` | pure | policy | base | C17 jansson.h |
| `src/core/` | pure | decisions | base policy/types.h | stdint.h stdbool.h |
| `src/loop/` | shell | driver | base core | any |
| `src/cli/` | door | command line | base | C17 |
| `src/main.c` | main | joins | base core loop cli | any |
"""
HEAD = "/* %s - a thing.\n * Owns: it. */\n#pragma once\n"
STYLE = (ROOT / ".clang-format").read_text()
GOOD = {
    "ARCHITECTURE.md": TABLE,
    ".clang-format": STYLE,
    "src/base/slice.h": HEAD % "base/slice.h" + "#include <stddef.h>\n",
    "src/policy/types.h": HEAD % "policy/types.h" + '#include "base/slice.h"\n',
    "src/core/hold.h": HEAD % "core/hold.h" + '#include "policy/types.h"\n#include <stdint.h>\n',
    "src/core/hold.c": '#include "core/hold.h"\n',
    "src/loop/loop.c": '#include "core/hold.h"\n#include <uv.h>\n',
    "src/serve.h": "/* serve.h - a thing.\n * Owns: it. */\n#pragma once\n",
    "src/main.c": '#include "cli/cli.h"\n#include "loop/loop.h"\n#include "serve.h"\n',
    "docs/page.md": "# A page\n\n## Two `words`, then\n\nSee [the table](../ARCHITECTURE.md) and [below](#two-words-then), [x](https://e.org).\n",
}


def lines(n, text):
    return "".join(text % i for i in range(n))


# name: files put over the good tree, and what must be said (all of it, nothing else)
BAD = {
    "core includes loop": ({"src/core/hold.c": '#include "core/hold.h"\n#include "loop/loop.h"\n'},
                           ["src/core/hold.c:2: core may not include loop/loop.h"]),
    "core includes more of policy": ({"src/core/hold.c": '#include "core/hold.h"\n#include "policy/load.h"\n'},
                                     ["src/core/hold.c:2: core may not include policy/load.h"]),
    "door includes shell": ({"src/cli/cli.c": '#include "loop/loop.h"\n'}, ["src/cli/cli.c:1: cli may not include loop/loop.h"]),
    "include without a folder": ({"src/base/slice.c": '#include "slice.h"\n#include "base/slice.h"\n'},
                                 ["src/base/slice.c:1: write the folder", "its own header base/slice.h is not included first"]),
    "core asks the clock": ({"src/core/hold.c": '#include "core/hold.h"\n#include <time.h>\n'}, ["core may not use <time.h>"]),
    "base uses a system's header": ({"src/base/slice.c": '#include "base/slice.h"\n#include <unistd.h>\n'}, ["base may not use <unistd.h>"]),
    "folder without a row": ({"src/notify/mail.c": '#include "base/slice.h"\n'},
                             ["folder notify does not stand", "notify may not include base/slice.h"]),
    "long file": ({"src/loop/loop.c": lines(800, "int loop_%d;\n")}, ["src/loop/loop.c:800: a file of 800 lines"]),
    "long function": ({"src/loop/loop.c": "static int loop_turn(int a)\n{\n" + lines(69, "    a += %d;\n") + "}\n"},
                      ["src/loop/loop.c:2: a function of 71 lines"]),
    "many inputs": ({"src/loop/loop.c": "static int loop_turn(void *impl, int a, int b, int c, int d, int e, int f, int *out_g)\n{\n    return a;\n}\n"},
                    ["src/loop/loop.c:2: a function of 6 inputs"]),
    "long line": ({"src/loop/loop.c": "int loop_%s;\n" % ("a" * 90) + "/*" + "ü" * 96 + "*/\n/*" + "ü" * 97 + "*/\n"}, ["src/loop/loop.c:3: a line of 101 characters"]),
    "a mark inside a line": ({"src/core/pace.h": "/* core/pace.h - a thing. Owns: it. */\n#pragma once\n"},
                             ["src/core/pace.h:1: `Owns:`, `Invariants:` and `Threads:` begin a line of the header comment"]),
    "no pragma": ({"src/core/pace.h": "/* core/pace.h - a thing.\n * Owns: it. */\n"}, ["src/core/pace.h:1: no `#pragma once`"]),
    "header names another file": ({"src/core/pace.h": HEAD % "core/hold.h"}, ["src/core/pace.h:1: the header does not open with `/* core/pace.h - "]),
    "header owns nothing": ({"src/core/pace.h": "/* core/pace.h - a thing. */\n#pragma once\n"}, ["neither what it owns nor its invariants"]),
    "own header second": ({"src/core/hold.c": '#include "policy/types.h"\n\n#include "core/hold.h"\n'},
                          ["src/core/hold.c:1: its own header core/hold.h is not included first"]),
    "banned function": ({"src/loop/loop.c": 'int loop_x(const char *s)\n{\n    return atoi(s);\n}\n'}, ["src/loop/loop.c:3: atoi is banned; use slice_to_u64"]),
    "banned function in a test": ({"tests/unit/test_x.c": 'void f(void)\n{\n    sleep(1);\n}\n'}, ["tests/unit/test_x.c:3: sleep is banned"]),
    "typedef of a struct": ({"src/loop/loop.c": "typedef struct loop *loop_new_fn(void *arg);\ntypedef struct loop loop_t;\n"}, ["src/loop/loop.c:2: no typedef"]),
    "promise without a ticket": ({"docs/page.md": "TODO\n\nTODO(#12)\n\nFIXME\n"}, ["docs/page.md:1: TODO needs", "docs/page.md:5: FIXME"]),
    "path of a machine": ({"docs/page.md": "Look in /home/ana/interlock.\n"}, ["docs/page.md:1: a path of somebody's machine"]),
    "link to nowhere": ({"docs/page.md": "[x](gone.md)\n[y](../ARCHITECTURE.md#gone)\n"},
                        ["docs/page.md:1: the link leads nowhere", "docs/page.md:2: no such heading"]),
    "not formatted": ({"src/loop/loop.c": "int  loop_x;\n"}, ["src/loop/loop.c:1: not formatted"]),
    "code without a page": ({"src/policy/check.c": 'const char *check_code = "IL101";\n'}, ["src/policy/check.c:1: IL101 has no page docs/checks/IL101.md"]),
    "page without a part": ({"src/policy/check.c": 'const char *check_code = "IL101";\n', "docs/checks/IL101.md": "# IL101\n\n## Why\n\n## Bad\n"},
                            ['docs/checks/IL101.md:1: no heading "Good"']),
    "page left over": ({"docs/checks/IL102.md": "# IL102\n"}, ["docs/checks/IL102.md:1: no code says IL102"]),
}


def run(root):
    p = subprocess.run([LINT, root], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert not p.stderr, p.stderr
    return p.returncode, p.stdout.splitlines()


def plant(root, files):
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_good_tree(tmp_path):
    plant(tmp_path, GOOD)
    assert run(tmp_path) == (0, ["lint: nothing found"])


@pytest.mark.parametrize("name", BAD)
def test_bad_tree(tmp_path, name):
    files, wants = BAD[name]
    plant(tmp_path, {**GOOD, **files})
    code, found = run(tmp_path)
    assert code == 1
    assert found[-1] == "lint: %d found" % len(wants), found
    for want in wants:
        assert any(want in line for line in found), (want, found)


@pytest.mark.parametrize("text,want", [
    ("int hold_count;\n", "the core owns data that can change: 4 bytes in .bss"),
    ("static int hold_seen = 1;\nint hold_next(void);\nint hold_next(void)\n{\n    return hold_seen++;\n}\n", "4 bytes in .data"),
    ("int clock_ask(void);\nint hold_now(void);\nint hold_now(void)\n{\n    return clock_ask();\n}\n", "the core may not use clock_ask"),
    ("#include <string.h>\nint hold_same(const void *a);\nint hold_same(const void *a)\n{\n    return memcmp(a, a, 8);\n}\n", None),
])
def test_core_objects(tmp_path, text, want):
    plant(tmp_path, {**GOOD, "src/core/hold.c": '#include "core/hold.h"\n', "hold.c": text})
    folder = tmp_path / "build/release/obj/core"
    folder.mkdir(parents=True)
    subprocess.run(["gcc", "-c", "-fno-common", "-o", folder / "hold.o", tmp_path / "hold.c"], check=True)
    os.remove(tmp_path / "hold.c")
    code, found = run(tmp_path)
    assert (code, len(found)) == ((1, 2) if want else (0, 1)), found
    assert want is None or want in found[0]


def test_check_that_cannot_run(tmp_path):
    """A broken check is a finding, never silence."""
    plant(tmp_path, GOOD)
    tools = tmp_path / "tools"
    shutil.copytree(ROOT / "tools/lint.d", tools / "lint.d")
    shutil.copy(LINT, tools / "lint")
    (tools / "lint.d/links").write_text("#!/bin/sh\nexit 3\n")
    p = subprocess.run([tools / "lint", tmp_path], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert p.returncode == 1
    assert "links:0: this check did not run" in p.stdout


def test_this_tree():
    code, found = run(ROOT)
    assert code == 0, "\n".join(found)
