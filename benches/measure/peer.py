"""Starts the FastAPI peer, where Python's packages can be installed."""

import subprocess
import sys
import venv

from .processes import ROOT, TARGET, Process, free_port

PEER = ROOT / "benches" / "peer"


def prepare():
    """A Python with the peer's packages; `None` where they cannot be had."""
    folder = TARGET / "peer-venv"
    python = folder / "bin" / "python"
    try:
        if not python.exists():
            venv.create(folder, with_pip=True)
        requirements = PEER / "requirements.txt"
        install = [python, "-m", "pip", "install", "--quiet", "-r", requirements]
        subprocess.run(install, check=True, stdout=sys.stderr)
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"The FastAPI peer is left out: {error}", file=sys.stderr)
        return None
    return str(python)


def start(python, processes, supabase, provider, **env):
    """The peer on this Supabase, with as many worker processes as there are replicas of ours: one."""
    port = free_port()
    command = [
        *(python, "-m", "uvicorn", "app:app", "--app-dir", str(PEER), "--port", str(port)),
        *("--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "error"),
    ]
    defaults = {
        "SUPABASE_URL": f"http://{supabase}",
        "SUPABASE_ANON_KEY": "sb_publishable_local",
        "PROVIDER_URL": f"http://{provider}/v1",
    }
    health = f"http://127.0.0.1:{port}/health"
    return processes.add(Process(command, processes.empty, defaults | env, wait_for=health))
