"""What a running engine uses, and how its files leave the page cache."""

import os
import signal
import socket
import subprocess
import time
from pathlib import Path

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def stop(process: subprocess.Popen, patience_seconds: float = 60) -> None:
    """Asks politely, then insists."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(patience_seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def reset_peak_memory(pid: int) -> None:
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def peak_memory_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) / 1024


def cpu_seconds(pid: int) -> float:
    """Of all threads since the start, those that have ended included."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_SECOND


def wait_until_idle(pid: int, patience_seconds: float = 1800, pause_seconds: float = 3) -> None:
    """Background work such as merging of parts would disturb what is measured."""
    until = time.monotonic() + patience_seconds
    while time.monotonic() < until:
        before = cpu_seconds(pid)
        time.sleep(pause_seconds)
        if cpu_seconds(pid) - before < 0.03 * pause_seconds:
            return


def size_bytes(folder: Path) -> int:
    if folder.is_file():
        return folder.stat().st_size
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def forget_cached_pages(folder: Path) -> None:
    """Writes everything out and tells the kernel that the files' pages are not needed. No process may have them mapped."""
    os.sync()
    for path in [folder] if folder.is_file() else folder.rglob("*"):
        if not path.is_file() or path.is_symlink():
            continue
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(descriptor)
