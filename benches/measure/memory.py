"""What a stream takes in memory while it waits, and what an idle connection takes."""

import socket
import time

from . import certificate
from .streams import prompt, question


def run(setup):
    setup.report.section(
        "Memory of idle streams",
        "A server of its own; each answer has had one delta and then waits for its provider. Clients are on HTTP/1, "
        "each on a connection of its own; the provider is on HTTP/1 without TLS (a connection for each answer) or on "
        "HTTP/2 with TLS, as vendors are. RSS as the system counts it; what the system holds for sockets is "
        "not in it.",
    )
    # Two sockets each, where the provider is on HTTP/1.
    most = min(10000, (setup.files - 200) // 2)
    counts = (200,) if setup.quick else (1000, most)
    for count in counts:
        idle_streams(setup, "streams, provider on HTTP/1", count)
    files = certificate.make(setup.processes.folder)
    if files:
        authority, *own = map(str, files)
        provider = setup.processes.helper("provider_tls", *own)
        url = f"https://{provider.address}/v1"
        env = {"OPENAI_COMPATIBLE_BENCH_BASE_URL": url, "SSL_CERT_FILE": authority}
        for count in counts:
            idle_streams(setup, "streams, provider on HTTP/2", count, **env)
    connections(setup)


def idle_streams(setup, name, count, **env):
    server = setup.replica(**env)
    empty = server.memory()
    requests = question(setup.tokens, prompt(deltas=1, hold=3000))
    held = setup.load.held_streams(server.address, requests, count, per_second=80)
    # Two checkpoints.
    time.sleep(5)
    now = server.memory()
    seen = held.close()
    _row(setup, name, count - seen["failed"], empty, now, seen["problem"])
    # Without waiting for the answers.
    setup.processes.kill(server)


def connections(setup):
    server = setup.replica()
    empty = server.memory()
    host, port = server.address.split(":")
    count = 200 if setup.quick else 5000
    sockets = []
    for _ in range(count):
        connection = socket.create_connection((host, int(port)))
        connection.sendall(b"GET /health/live HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n")
        connection.recv(4096)
        sockets.append(connection)
        # Not all at once: what one has needed for its request is there for the next ones when it rests.
        time.sleep(0.002)
    # They rest after a second.
    time.sleep(2)
    _row(setup, "idle connections", count, empty, server.memory())
    for connection in sockets:
        connection.close()


def _row(setup, name, count, empty, now, problem=None):
    row = {
        "open": name,
        "how many": count,
        "RSS MB": now / 1e6,
        "KB each": (now - empty) / count / 1e3,
        "empty MB": empty / 1e6,
    }
    if problem:
        row["others failed"] = problem[:120]
    setup.report.add(**row)
