"""The `roadbook` host as a child process: start, kill -9, start again on the same folder and port."""

import json
import os
import queue
import signal
import subprocess
import threading
from pathlib import Path
from urllib.parse import urlsplit

from api import Failed

READY_S = 60


class Host:
    """One data folder, and the process that holds it. Its log is beside the folder, in FOLDER.log."""

    def __init__(self, binary, data, config=None):
        self.binary, self.data, self.config = binary, Path(data), config
        self.log = self.data.with_name(self.data.name + ".log")
        self.process = None
        self.port = 0
        self.url = None
        # What only the first start on an empty folder prints: tenant, write_key, admin_key.
        self.keys = {}

    def start(self):
        """Starts the process and waits for its ready line; a restart takes the port of the first start."""
        command = [self.binary, "serve", "--data", str(self.data), "--port", str(self.port), "--json"]
        if self.config:
            command += ["--config", self.config]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        ready = self._ready_line()
        self.url = ready["url"]
        self.port = urlsplit(self.url).port
        if "admin_key" in ready:
            self.keys = ready

    def _ready_line(self):
        """The first JSON line with a url; the rest of stdout is read on, so that the pipe never fills."""
        lines = queue.Queue()

        def pump(stream):
            for line in stream:
                lines.put(line)
            lines.put(None)

        threading.Thread(target=pump, args=(self.process.stdout,), daemon=True).start()
        while True:
            try:
                line = lines.get(timeout=READY_S)
            except queue.Empty:
                self.kill()
                raise Failed(f"the host was not ready within {READY_S} s; its log: {self.log}") from None
            if line is None:
                raise Failed(f"the host ended before it was ready; its log: {self.log}\n{self._log_tail()}")
            try:
                ready = json.loads(line)
            except ValueError:
                continue
            if isinstance(ready, dict) and "url" in ready:
                return ready

    def _log_tail(self):
        return self.log.read_text(errors="replace")[-2000:]

    def kill(self):
        """kill -9: no handler runs, nothing is flushed."""
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait(timeout=10)

    def stop(self):
        """SIGTERM and a little patience; used at the end of a script."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.terminate()
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.kill()
            raise Failed("the host did not drain within 20 s of SIGTERM") from None
