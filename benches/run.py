#!/usr/bin/env python3
"""Measures the server: `python3 benches/run.py`.

It builds the server and the load generator, starts everything that it needs on this machine, and writes
target/bench/report.md and report.json. `--only` names sections, `--quick` is a try of a minute or two.
PERFORMANCE.md says what the numbers mean.
"""

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

from measure import growth, memory, peer, requests, streams, tokens
from measure.load import Load
from measure.processes import ROOT, TARGET, Processes, build, raise_file_limit
from measure.report import Report
from measure.setup import Setup


def instructions(setup):
    """Instructions and system calls, where valgrind is installed."""
    command = ROOT / "benches" / "instructions" / "measure.py"
    if not (command.exists() and shutil.which("valgrind") and shutil.which("strace")):
        return
    setup.report.section("Instructions and system calls")
    program = setup.processes.server_path
    command = [sys.executable, command, program, "--bare", setup.processes.load_path]
    done = subprocess.run(command, capture_output=True, text=True)
    setup.report.note("```\n" + (done.stdout.strip() or done.stderr.strip()[-500:]) + "\n```")


SECTIONS = {
    "requests": requests.run,
    "tokens": tokens.run,
    "streams": streams.run,
    "growth": growth.run,
    "memory": memory.run,
    "instructions": instructions,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--only", default=",".join(SECTIONS), help="of: " + ", ".join(SECTIONS))
    parser.add_argument("--quick", action="store_true", help="less of everything")
    parser.add_argument("--no-peer", action="store_true", help="without the FastAPI peer")
    parser.add_argument("--output", type=Path, default=TARGET / "bench" / "report")
    options = parser.parse_args()
    sections = [SECTIONS[name] for name in options.only.split(",")]
    files = raise_file_limit()
    load_path = build()
    python = None if options.no_peer else peer.prepare()
    processes, report = Processes(load_path), Report()
    try:
        setup = Setup(processes, Load(load_path), report, options.quick, python, files)
        if files < 30000:
            print(f"This machine allows {files} files per process: too few for 10,000 streams.")
        for section in sections:
            section(setup)
    finally:
        processes.end()
        report.save(options.output)
    print(f"\n{options.output.with_suffix('.md')}")


if __name__ == "__main__":
    main()
