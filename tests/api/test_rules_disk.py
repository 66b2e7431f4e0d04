"""The disk of the store is full (R30): new work is refused with 503 and the reason, what was acknowledged is
kept, outcomes that cannot be stored yet are not lost, a stop holds, and all goes on by itself when there is room."""
import os, pathlib, subprocess, tempfile, threading

import pytest

from interlock_client import BUILD
from story_world import World, wait_requests

SIZE = 24 << 20
BLOCK = 4096
RESERVE = 8 << 20
LIMITS = "limits: { disk_reserve: %d }\n" % RESERVE
HERE = pathlib.Path(__file__).parent


class Disk:
    """A folder with little room. `inside` is where this process sees it."""

    def fill(self, leave):
        """Until only so many bytes are free."""
        with open(self.inside / "filler", "ab", 0) as file:
            while self.free() > leave:
                try:
                    file.write(bytes(min(1 << 20, self.free() - leave)))
                except OSError:
                    return

    def empty(self):
        (self.inside / "filler").unlink()


class Mounted(Disk):
    """A file system of its own, seen only by what runs in its mount namespace."""

    def __init__(self, folder, unused):
        folder.mkdir(mode=0o700)
        is_root = os.geteuid() == 0
        script = 'mount -t tmpfs -o size=%d,mode=0700 tmpfs "$1" && echo mounted && exec cat' % SIZE
        self.holder = subprocess.Popen(["unshare", *([] if is_root else ["-r"]), "-m", "sh", "-c", script, "sh", str(folder)],
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.is_there = self.holder.stdout.readline() == "mounted\n"
        self.prefix = ["nsenter", "-t", str(self.holder.pid), *([] if is_root else ["-U", "--preserve-credentials"]), "-m", "--"]
        self.inside = pathlib.Path("/proc/%d/root%s" % (self.holder.pid, folder))

    def free(self):
        info = os.statvfs(self.inside)
        return info.f_bavail * info.f_frsize

    def close(self):
        self.holder.stdin.close()
        self.holder.wait(10)
        self.holder.stdout.close()


class Counted(Disk):
    """A library in the daemon counts the bytes of the folder (small_disk.c): it needs no right to mount."""

    def __init__(self, folder, built):
        folder.mkdir(mode=0o700)
        self.inside = folder
        library = built / "small_disk.so"
        if not library.exists():
            subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-o", library, HERE / "small_disk.c", "-ldl"], check=True)
        first = []  # a sanitizer wants to be the first library
        needs = subprocess.run(["readelf", "-d", BUILD / "interlock"], capture_output=True, text=True, check=True).stdout
        if "libasan" in needs:
            first = [subprocess.run(["gcc", "-print-file-name=libasan.so"], capture_output=True, text=True, check=True).stdout.strip()]
        self.prefix = ["env", "LD_PRELOAD=" + ":".join([*first, str(library)]), "SMALL_DISK=%s" % folder, "SMALL_DISK_SIZE=%d" % SIZE]

    def free(self):
        sizes = [p.stat().st_size for p in self.inside.iterdir() if p.is_file()]
        return max(0, SIZE - sum((size + BLOCK - 1) // BLOCK * BLOCK for size in sizes))

    def close(self):
        pass


def may_mount():
    with tempfile.TemporaryDirectory() as folder:
        disk = Mounted(pathlib.Path(folder) / "disk", None)
        disk.close()
        return disk.is_there


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    return tmp_path_factory.mktemp("small-disk")


@pytest.fixture(params=[Counted, Mounted] if may_mount() else [Counted])
def small(tmp_path, request, built):
    """(world, disk): the store of the world lies on the small disk."""
    (tmp_path / "installation").mkdir()
    disk = request.param(tmp_path / "installation" / "data", built)
    try:
        world = World(tmp_path / "installation", installation=LIMITS)
        world.daemon.prefix = disk.prefix
        with world:
            yield world, disk
    finally:
        disk.close()


def wait_ready(daemon, is_ready):
    """The free room is looked at now and then; there is no event for a disk."""
    for _ in range(2000):
        answer = daemon.get("/readyz")
        if (answer.status == 200) == is_ready:
            return answer.json
        threading.Event().wait(0.01)
    raise AssertionError("readyz stays: %s" % answer)


def refused(world, id):
    answer = world.submit("plain", id)
    assert answer.status == 503 and int(answer.headers["retry-after"]) > 0 and "disk" in answer.json["detail"], answer
    assert world.find("plain", id) is None, "refused, and stored"


def test_admission_closes_at_the_reserve_and_opens_by_itself(small):
    world, disk = small
    kept = world.submit("plain", "before").json
    assert kept["state"] == "done"
    world.keyed.set(mode="slow", delay_ms=700, times=1)
    going = world.submit("keyed", "going", headers={"Prefer": "respond-async"}).json
    wait_requests(world.keyed, 1)
    disk.fill(leave=RESERVE // 2)
    ready = wait_ready(world.daemon, False)
    assert not ready["ready"] and "disk_reserve" in ready["why"], ready
    refused(world, "new")
    # The reserve is for what is under way, for people, and for the stop.
    again = world.wait("keyed", "going", "done")
    assert again["action"] == going["action"] and again["attempts"] == 1
    assert world.submit("plain", "before").json["replayed"]
    receipt = world.daemon.post("/v1/stops", {"scope": {"workflow": "stories"}, "reason": "disk"})
    assert receipt.status == 202 and receipt.json["stopped_at"], receipt
    assert world.daemon.restart(receipt.json["incident"], "room").status == 202
    assert world.daemon.get("/healthz").status == 200
    disk.empty()
    assert wait_ready(world.daemon, True)["why"] is None
    assert world.submit("plain", "new").json["state"] == "done"  # its key was never used up
    assert world.plain.effects()["by"] == {"before": 1, "new": 1}


def test_not_one_byte_left(small):
    world, disk = small
    world.keyed.set(mode="slow", delay_ms=500, times=1)
    going = world.submit("keyed", "going", headers={"Prefer": "respond-async"}).json
    wait_requests(world.keyed, 1)
    disk.fill(leave=0)
    assert "disk" in wait_ready(world.daemon, False)["why"]
    refused(world, "new")
    for _ in range(400):  # there is some room in the files of the store themselves
        stop = world.daemon.post("/v1/stops", {"scope": {"workflow": "stories"}, "reason": "x" * 4000})
        if stop.status != 202:
            break
    assert stop.status == 503 and stop.json["type"].endswith(":stop-not-durable"), stop  # R16
    assert world.daemon.get("/healthz").status == 200
    disk.empty()
    wait_ready(world.daemon, True)
    assert world.submit("plain", "held").json["state"] == "held"  # the stops are in force
    done = world.daemon.action(going["action"])
    assert done["state"] == "done" and done["attempts"] == 1, done
    count = len(world.daemon.get("/v1/switches").json["items"])
    world.daemon.kill()
    world.daemon.start()
    assert world.daemon.action(going["action"])["state"] == "done"
    assert len(world.daemon.get("/v1/switches").json["items"]) == count, "a stop was lost"
    assert world.submit("plain", "later").json["state"] == "held"
    assert world.keyed.effects()["effects"] == 1
    assert world.daemon.get("/v1/decisions/verify").json["good"]


def test_killed_on_a_full_disk_nothing_acknowledged_is_lost(small):
    world, disk = small
    for n in range(20):
        assert world.submit("plain", "k%d" % n).json["state"] == "done"
    disk.fill(leave=0)
    wait_ready(world.daemon, False)
    world.daemon.kill()
    disk.empty()
    world.daemon.start()
    for n in range(20):
        again = world.submit("plain", "k%d" % n).json
        assert again["state"] == "done" and again["replayed"], again
    assert world.plain.effects()["effects"] == 20 and world.plain.effects()["twice"]["by"] == 0
