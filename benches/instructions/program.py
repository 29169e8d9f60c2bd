"""The server as a process of its own."""

import os
import signal
import subprocess


class Program:
    """A running server on any port. `banner` has the second word of each line that it says at its start."""

    def __init__(self, program, folder, settings, wrapper=()):
        os.makedirs(folder)
        settings = {"PORT": "0", "LOCAL_SUPABASE_ADDR": "127.0.0.1:0", "SCRIPT_PYTHON": "off"} | settings
        with open(f"{folder}/log", "w") as log:
            self.process = subprocess.Popen([*wrapper, program], cwd=folder, env=settings, text=True,
                                            stdout=subprocess.PIPE, stderr=log)
        self.banner = {}
        for line in self.process.stdout:
            words = line.split()
            if len(words) > 1:
                self.banner[words[0]] = words[1]
            if line.split()[:1] == ["Models"]:
                break
        if "API" not in self.banner:
            raise SystemExit(f"the server did not start: {open(f'{folder}/log').read()}")
        self.url = self.banner["API"].removesuffix("/api")
        self.pid = self.process.pid

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()
