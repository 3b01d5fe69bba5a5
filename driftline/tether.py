"""Run a command that ends when its parent does: ``python -m driftline.tether PARENT_PID COMMAND...``.

A stack that is killed with -9 cannot stop its children; on Linux the kernel does it for us (PR_SET_PDEATHSIG
survives exec), elsewhere this process stays between the two and watches.
"""

from __future__ import annotations

import ctypes
import os
import platform
import signal
import subprocess
import sys
import time

PR_SET_PDEATHSIG = 1


def main() -> int:
    """Tie the command to the parent, then become it (Linux) or watch it (elsewhere)."""
    parent, command = int(sys.argv[1]), sys.argv[2:]
    if platform.system() == "Linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died before we asked
            return 1
        os.execv(command[0], command)  # noqa: S606  (an argument list, no shell)
    return _watch(parent, command)


def _watch(parent: int, command: list[str]) -> int:
    child = subprocess.Popen(command)
    signal.signal(signal.SIGTERM, lambda *_: child.terminate())
    while child.poll() is None:
        if os.getppid() != parent:
            child.terminate()
        time.sleep(0.25)
    return child.returncode


if __name__ == "__main__":
    sys.exit(main())
