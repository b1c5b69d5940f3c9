"""Starts the AWS emulator on a free port of this machine only, and says where it listens.

Prints one line of JSON when it answers: {"url": "http://127.0.0.1:PORT"}. Ends with SIGTERM, and the emulator with it.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import urllib.request

# A cold start compiles the emulator's own code.
READY_MAX_S = 60


def free_port():
    """A port that nobody had a moment ago."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def answers(url):
    """Whether the emulator is up."""
    try:
        with urllib.request.urlopen(url + "/_ministack/health", timeout=2) as answer:
            return answer.status == 200
    except OSError:
        return False


def main():
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    # Functions that it runs find it by AWS_ENDPOINT_URL. Its MQTT door would take a fixed port.
    settings = {
        "AWS_ENDPOINT_URL": url,
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "IOT_MTLS_ENABLED": "0",
        "LOG_LEVEL": "WARNING",
    }
    program = os.path.join(os.path.dirname(sys.executable), "ministack")
    emulator = subprocess.Popen([program], env={**os.environ, **settings}, stdout=sys.stderr)
    stopped = threading.Event()
    for ending in (signal.SIGTERM, signal.SIGINT):
        signal.signal(ending, lambda *_: stopped.set())
    waited = 0
    while not answers(url):
        waited += 1
        if emulator.poll() is not None or waited > READY_MAX_S * 5 or stopped.wait(0.2):
            emulator.kill()
            return f"the emulator did not answer on {url}; it ended with {emulator.wait()}"
    print(json.dumps({"url": url}), flush=True)
    while not stopped.wait(0.5):
        if emulator.poll() is not None:
            return f"the emulator ended by itself with {emulator.returncode}"
    emulator.terminate()
    try:
        emulator.wait(20)
    except subprocess.TimeoutExpired:
        emulator.kill()
        emulator.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
