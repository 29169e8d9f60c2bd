#!/usr/bin/env python3
"""Instructions (in user space, by callgrind) and system calls (by strace) of the server for one delta of a
streamed answer, alone and among others that come at the same moment, and for one request: a list of 50 chats, one
chat, a new chat, a refused request and a chat that is not there.

    benches/instructions/measure.py [PROGRAM] [--listeners 1 3] [--profile FILE] [--bare LOAD]

The provider and the listeners are this process, the Supabase is another process of the program, so only the
server itself is counted. A delta is sent when all listeners have the one before, so that each wakes somebody.
What is told is the slope between a short and a long answer: begin and end do not count. Needs Linux, valgrind
and strace. For names in a profile, build with CARGO_PROFILE_RELEASE_DEBUG=1 CARGO_PROFILE_RELEASE_STRIP=none.
"""

import argparse
import glob
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time

from conversation import Chats, Provider
from program import Bare, Program

LENGTHS = (200, 1200)
ANSWERS = 32
REQUESTS = (50, 250)


class Callgrind:
    """Counts the instructions of a server that was started by `wrapper`."""

    def __init__(self, folder):
        self.folder = folder
        self.wrapper = ["valgrind", "--tool=callgrind", "--separate-threads=no", "-q",
                        f"--callgrind-out-file={folder}/callgrind.out"]

    def count(self, server, work):
        self.dump(server)
        work()
        newest = self.dump(server)
        with open(newest) as lines:
            totals = [line for line in lines if line.startswith("totals:")]
        return {"instructions": int(totals[-1].split()[1])}

    def dump(self, server):
        dumped = lambda: glob.glob(f"{self.folder}/callgrind.out*")
        # Each server that is counted numbers its dumps from one.
        for old in dumped():
            os.remove(old)
        subprocess.run(["callgrind_control", "--dump", str(server.pid)], check=True, capture_output=True)
        while not dumped():
            time.sleep(0.1)
        return dumped().pop()


class Strace:
    """Counts the system calls of a server."""

    wrapper = []

    def count(self, server, work):
        with tempfile.NamedTemporaryFile("r") as table:
            tracer = subprocess.Popen(["strace", "-f", "-c", "-q", "-o", table.name, "-p", str(server.pid)])
            time.sleep(0.5)
            work()
            tracer.send_signal(signal.SIGINT)
            tracer.wait()
            rows = re.findall(r"^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?(\w+)$", table.read(), re.M)
        return {name: int(calls) for calls, name in rows if name != "total"}


def slope(counter, server, work, lengths):
    """What one more costs."""
    work(lengths[0])
    short, long = (counter.count(server, lambda: work(length)) for length in lengths)
    more = lengths[1] - lengths[0]
    costs = {name: (long.get(name, 0) - short.get(name, 0)) / more for name in short | long}
    return {name: cost for name, cost in costs.items() if abs(cost) >= 0.02}


def tell(what, costs):
    total = "" if len(costs) < 2 else f"{sum(costs.values()):,.2f} = "
    print(f"{what:<32}" + total + ", ".join(f"{cost:,.2f} {name}" if cost < 1000 else f"{cost:,.0f} {name}"
          for name, cost in sorted(costs.items(), key=lambda pair: -pair[1])), flush=True)


def measure(arguments, counter, provider, folder):
    with Program(arguments.program, f"{folder}/supabase", {}) as supabase:
        settings = provider.settings | {
            "SUPABASE_URL": supabase.banner["Supabase"], "SUPABASE_ANON_KEY": supabase.banner["key"],
            "RATE_LIMIT_PER_MINUTE": "0", "GENERATIONS_PER_MINUTE": "0",
        }
        with Program(arguments.program, f"{folder}/server", settings, counter.wrapper) as server:
            chats = Chats(server.url, supabase)
            for listeners in arguments.listeners:
                answer = lambda deltas: chats.stream(provider, deltas, listeners)
                tell(f"a delta to {listeners} listener(s)", slope(counter, server, answer, LENGTHS))
            answers = lambda deltas: chats.streams(provider, deltas, ANSWERS)
            lengths = [10 * ANSWERS, 60 * ANSWERS]
            tell(f"a delta of {ANSWERS} answers at once", slope(counter, server, answers, lengths))
            if not arguments.no_list:
                for what, ask in [
                    ("a list of 50 chats", chats.list), ("one chat", chats.get), ("a new chat", chats.create_more),
                    ("no token (401)", chats.refused), ("no such chat (404)", chats.missing),
                ]:
                    tell(what, slope(counter, server, ask, REQUESTS))
            if arguments.bare:
                with Bare(arguments.bare, supabase, counter.wrapper) as bare:
                    tell("a list through a bare proxy", slope(counter, bare, chats.through(bare).list, REQUESTS))
            if arguments.profile and isinstance(counter, Callgrind):
                work = (lambda: chats.list(300)) if arguments.profile_list else (
                    lambda: chats.stream(provider, 1000, arguments.listeners[0]))
                counter.dump(server)
                work()
                shutil.copy(counter.dump(server), arguments.profile)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("program", nargs="?", default="target/release/chat-backend")
    parser.add_argument("--listeners", nargs="+", type=int, default=[1, 3])
    parser.add_argument("--profile", help="write callgrind's profile of 1,000 deltas to this file")
    parser.add_argument("--profile-list", action="store_true", help="of 300 lists instead")
    parser.add_argument("--no-list", action="store_true")
    parser.add_argument("--bare", help="the load generator, whose bare proxy of axum and reqwest is counted as well")
    parser.add_argument("--only", choices=["callgrind", "strace"])
    arguments = parser.parse_args()
    arguments.program = os.path.abspath(arguments.program)
    for name, counter in [("strace", lambda _: Strace()), ("callgrind", Callgrind)]:
        if arguments.only in (None, name):
            with tempfile.TemporaryDirectory() as folder, Provider() as provider:
                measure(arguments, counter(folder), provider, folder)


if __name__ == "__main__":
    main()
