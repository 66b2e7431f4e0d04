"""What is read as a secret lies in memory as often as it is used, however long its file is: what the reading of a
long one leaves behind is wiped."""
import re

import pytest

from interlock_client import Daemon, install

MARK = "mark-of-a-secret-%s-" % ("x" * 8)


def copies(pid, text):
    """How often the bytes stand in the writable memory of the process."""
    count = 0
    with open("/proc/%d/maps" % pid) as maps, open("/proc/%d/mem" % pid, "rb", 0) as memory:
        for line in maps:
            found = re.match(r"([0-9a-f]+)-([0-9a-f]+) rw", line)
            begin, end = (int(part, 16) for part in found.groups()) if found else (0, 0)
            if not found or end - begin > 1 << 28:  # what a sanitizer reserves
                continue
            try:
                memory.seek(begin)
                count += memory.read(end - begin).count(text)
            except (OSError, OverflowError):
                continue  # [vvar]
    return count


def test_a_long_secret_leaves_no_more_copies_than_a_short_one(tmp_path):
    found = []
    for size in (100, 20000, 50000):
        folder = install(tmp_path / str(size))
        secret = folder / "secrets" / "eve"
        secret.write_text("y" * 100 + MARK + "y" * size)  # what is free has words of the allocator at its begin
        with Daemon(folder) as daemon:
            try:
                found.append(copies(daemon.process.pid, MARK.encode()))
            except PermissionError:
                pytest.skip("the memory of a process of ours cannot be read here")
    assert found[0] > 0 and found == [found[0]] * 3, found
