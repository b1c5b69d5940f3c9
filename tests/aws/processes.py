"""The processes that the emulator runs functions in: who they are, and how they are killed."""

import os
import signal
from pathlib import Path


class Process:
    """One process of one function."""

    def __init__(self, pid, environment):
        self.pid = pid
        self.role = environment["ROADBOOK_ROLE"]
        # Whose calls are whose: each function has keys of its own.
        self.key = environment["AWS_ACCESS_KEY_ID"]

    def kill(self):
        """kill -9: no handler runs, nothing is flushed. Whether it was still there."""
        try:
            os.kill(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            return False
        return True


def of_stack(stack):
    """The processes of a stack's functions on this emulator, and of nothing else on this machine."""
    mine = {"ROADBOOK_STACK": stack, "AWS_ENDPOINT_URL": os.environ["AWS_ENDPOINT_URL"]}
    found = []
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            text = (folder / "environ").read_bytes().decode(errors="replace")
        except OSError:
            # It ended meanwhile, or is somebody else's.
            continue
        pairs = dict(pair.split("=", 1) for pair in text.split("\0") if "=" in pair)
        if "AWS_LAMBDA_RUNTIME_API" in pairs and mine.items() <= pairs.items():
            found.append(Process(int(folder.name), pairs))
    return found
