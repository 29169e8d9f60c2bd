"""What all measurements share: a Supabase, a server on it, users, and a report."""

from . import peer
from .supabase import add_chats, sign_up


class Setup:
    """The processes and users of a run."""

    def __init__(self, processes, load, report, quick, python):
        self.processes, self.load, self.report = processes, load, report
        self.quick, self.python = quick, python
        self.seconds = 1.0 if quick else 4.0
        self.supabase = processes.supabase()
        self.provider = processes.helper("provider")
        self.server = self.replica()
        self.peer = self.peer_on(self.supabase.address)
        # Nobody has more than a share of the memory, so there are several users.
        self.tokens = [sign_up(self.supabase.address, f"user{number}") for number in range(8)]
        self.token = self.tokens[0]
        self.chats = add_chats(self.supabase.address, self.token, 60)

    def replica(self, supabase=None, **env):
        """A server on the same Supabase, or on another address that leads to it."""
        models = {
            "OPENAI_COMPATIBLE_BENCH_BASE_URL": f"http://{self.provider.address}/v1",
            "OPENAI_COMPATIBLE_BENCH_MODELS": "bench",
            "DEFAULT_MODEL": "bench/bench",
        }
        key = {"SUPABASE_SERVICE_ROLE_KEY": self.supabase.service_key}
        return self.processes.server(supabase or self.supabase.address, **models | key | env)

    def peer_on(self, supabase, **env):
        """The FastAPI peer, if there is one."""
        if self.python:
            return peer.start(self.python, self.processes, supabase, self.provider.address, **env)
        return None


class Used:
    """What processes use while something runs: `with Used(server, supabase) as used`."""

    def __init__(self, *processes):
        self.processes = processes

    def __enter__(self):
        self.before = [process.cpu() for process in self.processes]
        return self

    def __exit__(self, *_):
        after = [process.cpu() for process in self.processes]
        self.seconds = [now - then for now, then in zip(after, self.before)]
