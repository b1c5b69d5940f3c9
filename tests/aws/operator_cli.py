"""`roadbook-ops`, as an operator runs it."""

import subprocess

from stack_cloud import env

from api import Failed  # noqa: E402  isort: skip


def ops(*words, text=None):
    """Runs a verb; what it says. A verb that fails, fails the check."""
    command = [env("ROADBOOK_OPS_BIN"), *words]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failed(f"roadbook-ops {' '.join(words)} ended with {done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
    return done.stdout
