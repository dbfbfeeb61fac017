"""Stage 3: becomes the operator, in namespaces where it finds what its pod would show it.

Run by its path with a plan (JSON, see `LaunchPlan`), without site packages: it is on the way of
each start of an operator, and imports nothing of ours. `--probe FOLDER` only tells by its exit
code whether this machine lets us make the namespaces.

Nothing of what it mounts can be seen outside. A mount point that this machine lacks is made in
a copy of its parent folder: a tmpfs on which every other name is bound to the original.
"""

# pathlib takes 8 ms to import:
# ruff: noqa: PTH102, PTH103, PTH112, PTH115, PTH118, PTH120, PTH123, PTH211

import ctypes
import json
import os
import signal
import stat
import sys

__all__ = ["CANT_EXECUTE", "FAILED", "PREFIX", "View", "enter", "limit", "main", "show"]

FAILED = 125  # we failed; the operator has not run
CANT_EXECUTE = 126  # the operator's program can't be executed
PREFIX = "harness-launcher: "

_CLONE_NEWNS = 0x00020000
_CLONE_NEWUTS = 0x04000000
_CLONE_NEWUSER = 0x10000000
_MS_RDONLY, _MS_REMOUNT, _MS_BIND, _MS_REC, _MS_PRIVATE = 1, 32, 4096, 16384, 1 << 18
_MS_NOSUID, _MS_NODEV, _MS_NOEXEC, _MS_NOATIME, _MS_RELATIME = 2, 4, 8, 1024, 1 << 21
_KEPT_FLAGS = {  # statvfs flag: mount flag, which a user namespace may not drop
    os.ST_NOSUID: _MS_NOSUID,
    os.ST_NODEV: _MS_NODEV,
    os.ST_NOEXEC: _MS_NOEXEC,
    os.ST_NOATIME: _MS_NOATIME,
    os.ST_RELATIME: _MS_RELATIME,
}
_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38

_libc = ctypes.CDLL(None, use_errno=True)


def _check(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def _mount(source: str, target: str, kind: str = "", flags: int = 0, data: str = "") -> None:
    _check(
        _libc.mount(
            source.encode(), os.fsencode(target), kind.encode() or None, flags, data.encode()
        ),
        f"mount on {target}",
    )


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="ascii") as file:
        file.write(text)


def enter(hostname: str) -> None:
    """Makes the namespaces: a private view of the file systems, and a host name of its own."""
    uid, gid = os.geteuid(), os.getegid()
    flags = _CLONE_NEWNS | _CLONE_NEWUTS | (_CLONE_NEWUSER if uid else 0)
    _check(_libc.unshare(flags), "unshare")
    if uid:
        _write("/proc/self/setgroups", "deny")
        _write("/proc/self/uid_map", f"{uid} {uid} 1")
        _write("/proc/self/gid_map", f"{gid} {gid} 1")
        # The kernel forgets it when credentials change; the guard's launcher asked for it.
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    _mount("none", "/", flags=_MS_REC | _MS_PRIVATE)
    name = hostname.encode()
    _check(_libc.sethostname(name, len(name)), "sethostname")


class View:
    """The file systems as the process will see them.

    Args:
        staging: Empty folder where a new root is made, should one be needed.
    """

    def __init__(self, staging: str) -> None:
        self._staging = staging
        self._own = set()  # type: ignore[var-annotated]  # folders that exist in this view only

    def root(self) -> None:
        """Makes a root of its own, to which names can be added."""
        self._copy("/")

    def private(self, folder: str, keep: "list[str]") -> None:
        """Covers a folder by an empty one; of what lies below it, only `keep` stays."""
        held = [(path, _handle(path)) for path in keep if path.startswith(folder + "/")]
        _mount("tmpfs", folder, "tmpfs", _MS_NOSUID | _MS_NODEV, "mode=1777")
        self._own.add(folder)
        for path, handle in sorted(held):
            self.bind(handle, path)

    def bind(self, source: int, target: str, *, read_only: bool = False) -> None:
        """Shows an opened file or folder at a path, which is made where it isn't there."""
        is_folder = stat.S_ISDIR(os.fstat(source).st_mode)
        place = self._place(target, is_folder=is_folder)
        _mount(f"/proc/self/fd/{source}", place, flags=_MS_BIND | _MS_REC)
        self._own.discard(place)  # what is seen there now is somebody else's
        if read_only:
            self._make_read_only(place)

    def _make_read_only(self, place: str) -> None:
        present = os.statvfs(place).f_flag
        flags = sum(flag for bit, flag in _KEPT_FLAGS.items() if present & bit)
        _mount("none", place, flags=_MS_BIND | _MS_REMOUNT | _MS_RDONLY | flags)

    def _place(self, target: str, *, is_folder: bool) -> str:
        path = os.path.realpath(target)
        if os.path.lexists(path):
            if os.path.isdir(path) != is_folder:
                raise OSError(0, f"{path} is {'a file' if is_folder else 'a folder'} here")
            return path
        parent, missing = os.path.dirname(path), [path]
        while not os.path.isdir(parent):
            missing.append(parent)
            parent = os.path.dirname(parent)
        if parent not in self._own:
            self._copy(parent)
        for folder in reversed(missing[1:] if not is_folder else missing):
            os.mkdir(folder)
            self._own.add(folder)
        if not is_folder:
            _touch(path)
        return path

    def _copy(self, folder: str) -> None:
        """Replaces a folder by one of the same contents, to which names can be added."""
        original = _handle(folder)
        mode = stat.S_IMODE(os.fstat(original).st_mode)
        place = self._staging if folder == "/" else folder
        _mount("tmpfs", place, "tmpfs", 0, f"mode={mode:o}")
        for entry in os.scandir(f"/proc/self/fd/{original}"):
            self._link(entry, os.path.join(place, entry.name))
        if folder == "/":
            os.chroot(place)
            os.chdir("/")
        self._own.add(folder)
        os.close(original)

    def _link(self, entry: "os.DirEntry[str]", path: str) -> None:
        if entry.is_symlink():
            os.symlink(os.readlink(entry.path), path)
            return
        if entry.is_dir(follow_symlinks=False):
            os.mkdir(path)
        else:
            _touch(path)
        try:
            _mount(entry.path, path, flags=_MS_BIND | _MS_REC)
        except OSError:
            return  # a name that may not be bound stays as an empty one


def _handle(path: str) -> int:
    return os.open(path, os.O_PATH | os.O_CLOEXEC)


def _touch(path: str) -> None:
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))


def limit(cgroups: "list[dict[str, object]]") -> None:
    """Moves this process into control groups, made with their limits.

    Args:
        cgroups: `path`, and `files`: contents by file name, written in this order.
    """
    for group in cgroups:
        path = str(group["path"])
        os.makedirs(path, exist_ok=True)
        for name, text in dict(group["files"]).items():  # type: ignore[call-overload]  # from JSON
            _write(os.path.join(path, name), text)
        _write(os.path.join(path, "cgroup.procs"), str(os.getpid()))


def show(plan: "dict[str, object]") -> None:
    """Gives the process the view of its pod."""
    mounts = [
        (_handle(item["source"]), item)
        for item in plan["mounts"]  # type: ignore[attr-defined]  # JSON
    ]
    view = View(str(plan["staging"]))
    if not all(os.path.lexists("/" + item["target"].split("/")[1]) for _, item in mounts):
        view.root()  # first: what is covered below may hold the staging folder
    for folder in plan["private"]:  # type: ignore[attr-defined]  # from JSON
        view.private(folder, plan["keep"])  # type: ignore[arg-type]  # from JSON
    for source, item in sorted(mounts, key=lambda pair: pair[1]["target"].count("/")):
        view.bind(source, item["target"], read_only=item["read_only"])


def _stand(folders: "list[str]") -> None:
    for folder in folders:
        try:
            os.chdir(folder)
        except OSError:
            continue
        return
    os.chdir("/")


def _probe(staging: str) -> int:
    try:
        enter("probe")
        _mount("tmpfs", staging, "tmpfs")
    except OSError as error:
        sys.stderr.write(f"{PREFIX}{error.strerror}\n")
        return FAILED
    return 0


def main(arguments: "list[str]") -> int:
    """Reads the plan, makes the view, and becomes the operator."""
    if arguments[0] == "--probe":
        return _probe(arguments[1])
    try:
        with open(arguments[0], "rb") as file:
            plan = json.load(file)
        if plan["cgroups"]:
            limit(plan["cgroups"])
        if plan["isolated"]:
            enter(plan["hostname"])
            show(plan)
        _stand(plan["folders"])
        if plan["no_new_privileges"]:
            _libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    except (OSError, ValueError, KeyError) as error:
        sys.stderr.write(f"{PREFIX}{error}\n")
        return FAILED
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # Python ignores it, and it would inherit
    try:
        os.execve(plan["argv"][0], plan["argv"], plan["env"])  # noqa: S606 - no shell is the point
    except OSError as error:
        sys.stderr.write(f"{PREFIX}can't execute {plan['argv'][0]}: {error.strerror}\n")
        return CANT_EXECUTE


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
