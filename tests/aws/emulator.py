"""Becomes the AWS emulator, on a free port of this machine only, and says where it listens.

Prints one line of JSON when it answers: {"url": "http://127.0.0.1:PORT"}. The process that was started is the emulator
itself in the end: whoever kills it leaves nothing behind. With `--rights` functions may do what their roles allow.
"""

import json
import os
import socket
import sys
import time
import urllib.request


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


def announce(url, emulator):
    """Waits until it is up, or gone, and says so."""
    while not answers(url):
        if os.getppid() != emulator:
            return
        time.sleep(0.2)
    print(json.dumps({"url": url}), flush=True)


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
    if "--rights" in sys.argv[1:]:
        # Functions have the credentials of their roles: what a role's policy does not allow is refused. And every call
        # is written down, so that a right nobody uses is seen.
        settings |= {"AUTH": "true", "CLOUDTRAIL_MAX_EVENTS": "200000", "CLOUDTRAIL_RECORDING": "1"}
    emulator = os.getpid()
    if os.fork() == 0:
        announce(url, emulator)
        os._exit(0)
    # Standard output is for the one line above.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    program = os.path.join(os.path.dirname(sys.executable), "ministack")
    os.execve(program, [program], {**os.environ, **settings})


if __name__ == "__main__":
    main()
