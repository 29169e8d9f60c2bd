"""Builds and starts what is measured, and reads what it has used."""

import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
TICKS = os.sysconf("SC_CLK_TCK")


def build():
    """Builds the server and the load generator; returns the latter's path."""
    command = ["cargo", "build", "--release", "--locked", "-p", "chat-backend", "-p", "load", "--bins"]
    subprocess.run(command, cwd=ROOT, check=True)
    return str(TARGET / "release" / "load")


def raise_file_limit(files=65536):
    """A stream has two sockets in the server and one in each of its neighbours."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, max(files, hard)))
    except (ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Process:
    """A program that runs beside the measurements until `end`."""

    def __init__(self, command, folder, env=None, reads_address=False, wait_for=None):
        self.log = tempfile.TemporaryFile()
        clean = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        self.popen = subprocess.Popen(
            command,
            # An empty one, without anybody's `.env`.
            cwd=folder,
            env=clean | (env or {}),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE if reads_address else self.log,
            stderr=self.log,
        )
        self.address = None
        if reads_address:
            self.address = json.loads(self.popen.stdout.readline())["address"]
        if wait_for:
            self.address = wait_for.split("/")[2]
            self._wait_for(wait_for)

    def _wait_for(self, url):
        for _ in range(600):
            try:
                with urllib.request.urlopen(url, timeout=2):
                    return
            except OSError:
                if self.popen.poll() is not None:
                    break
                time.sleep(0.1)
        self.log.seek(0)
        sys.exit(f"{url} does not answer:\n{self.log.read().decode()[-2000:]}")

    def cpu(self):
        """Seconds of processor time so far, those of its children that have ended included."""
        fields = Path(f"/proc/{self.popen.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return sum(int(field) for field in fields[11:15]) / TICKS

    def memory(self):
        """What it has in memory now, in bytes (RSS)."""
        for line in Path(f"/proc/{self.popen.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS"):
                return int(line.split()[1]) * 1024
        return 0

    def end(self):
        self.popen.send_signal(signal.SIGTERM)
        try:
            self.popen.wait(15)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait()


class Processes:
    """Everything that was started, to be ended together."""

    def __init__(self, load):
        self.load_path = load
        self.server_path = str(TARGET / "release" / "chat-backend")
        self.folder = Path(tempfile.mkdtemp(prefix="bench-"))
        self.empty = self.folder / "empty"
        self.empty.mkdir()
        self.started = []

    def add(self, process):
        self.started.append(process)
        return process

    def kill(self, process):
        """Ends one that nothing more is wanted of."""
        process.popen.kill()
        process.popen.wait()
        self.started.remove(process)

    def end(self):
        for process in reversed(self.started):
            process.end()
        shutil.rmtree(self.folder, ignore_errors=True)

    def supabase(self):
        """A local Supabase in a process of its own."""
        port, address = free_port(), f"127.0.0.1:{free_port()}"
        folder = self.folder / f"data-{port}"
        env = {
            "PORT": str(port),
            "LOCAL_SUPABASE_ADDR": address,
            "DATA_DIR": str(folder),
            "MAX_CONNECTIONS": "30000",
            "RUST_LOG": "warn",
        }
        health = f"http://127.0.0.1:{port}/health/ready"
        process = self.add(Process([self.server_path], self.empty, env, wait_for=health))
        process.address = address
        process.service_key = (folder / "service_key").read_text().strip()
        return process

    def server(self, supabase, **env):
        """A replica on this Supabase."""
        port = env.setdefault("PORT", str(free_port()))
        defaults = {
            "SUPABASE_URL": f"http://{supabase}",
            "SUPABASE_ANON_KEY": "sb_publishable_local",
            "MAX_CONNECTIONS": "30000",
            "RATE_LIMIT_PER_MINUTE": "0",
            "GENERATIONS_PER_MINUTE": "0",
            "GENERATION_TIMEOUT_S": "3600",
            "RUST_LOG": "error",
        }
        health = f"http://127.0.0.1:{port}/health/live"
        return self.add(Process([self.server_path], self.empty, defaults | env, wait_for=health))

    def helper(self, command, *arguments):
        """One of the load generator's servers."""
        return self.add(Process([self.load_path, command, *arguments], self.empty, reads_address=True))
