"""Answers that are streamed: one, a hundred, two thousand at once, and those who join them."""

import time
import uuid

from .load import request
from .processes import free_port
from .setup import Used

DELTAS = 100
EVERY_MS = 50


def run(setup):
    at_once(setup)
    followers(setup)


def prompt(deltas=DELTAS, every=EVERY_MS, size=24, hold=0):
    """What tells the provider how to stream."""
    return f"deltas={deltas} every={every} bytes={size} hold={hold}"


def question(tokens, text, chats=None):
    """Asks in new chats, one for each request, or in these."""
    chat = uuid.uuid4().hex if chats is None else chats
    return [
        request(
            "POST",
            "/api/ai/chat",
            token,
            f'{{"id":"{chat}-{{n}}","messages":[{{"id":"{chat}-{{n}}","role":"user",'
            f'"parts":[{{"type":"text","text":"{text}"}}]}}]}}',
        )
        for token in tokens
    ]


def at_once(setup):
    setup.report.section(
        "Streams",
        f"Each is {DELTAS} deltas of 24 bytes, one every {EVERY_MS} ms, in a chat of its own: the question and the "
        "answer are stored, checkpoints saved every 2 s, tokens counted. The lag is from the provider's "
        "write to the client's read. The 2,000 have 500 deltas each. \"Full speed\" has no pauses: how many deltas "
        "per second there can be.",
    )
    for count in (1, 100):
        _streams(setup, f"{count}: provider alone", setup.provider, _bare(prompt()), count)
        for process, name in ((setup.server, "chat-backend"), (setup.peer, "FastAPI peer")):
            if process:
                _streams(setup, f"{count}: {name}", process, question(setup.tokens, prompt()), count)
    if not setup.quick:
        # They begin a hundred a second, and last until all have begun.
        long = prompt(deltas=500)
        _streams(setup, "2,000: provider alone", setup.provider, _bare(long), 2000, 100)
        _streams(setup, "2,000: chat-backend", setup.server, question(setup.tokens, long), 2000, 100)
        _all_begun(setup, 2000, 100)
    fast = prompt(deltas=2000, every=0)
    for process, name in ((setup.server, "chat-backend"), (setup.peer, "FastAPI peer")):
        if process:
            _streams(setup, f"20 at full speed: {name}", process, question(setup.tokens, fast), 20)


def _bare(text):
    body = {"model": "bench", "stream": True, "messages": [{"role": "user", "content": text}]}
    return [request("POST", "/v1/chat/completions", None, body)]


def _streams(setup, name, process, requests, count, per_second=0):
    with Used(process, setup.supabase) as used:
        result = setup.load.streams(process.address, requests, count, per_second)
    setup.report.add(**_row(name, result, used))


def _all_begun(setup, count, per_second, seconds=10):
    """The deltas alone: of streams that have all begun, and none of which ends."""
    lasting = prompt(deltas=(count // per_second + seconds + 10) * 1000 // EVERY_MS)
    relay = setup.processes.helper("relay", setup.provider.address)
    bare = setup.processes.helper("bare", f"http://{setup.provider.address}/v1/chat/completions")
    for name, process, asked in (
        ("a relay of bytes", relay, _bare(lasting)),
        ("a bare proxy of axum and reqwest", bare, _bare(lasting)),
        ("chat-backend", setup.server, question(setup.tokens, lasting)),
    ):
        held = setup.load.held_streams(process.address, asked, count, per_second)
        time.sleep(1)
        began = time.monotonic()
        with Used(process, setup.supabase) as used:
            time.sleep(seconds)
        spent = time.monotonic() - began
        result = held.close()
        # The provider keeps its times, so as many have come.
        window = {"deltas": count * spent * 1000 / EVERY_MS, "seconds": spent}
        setup.report.add(**_row(f"{count:,}, when all have begun: {name}", result | window, used))
    setup.processes.kill(relay)
    setup.processes.kill(bare)
    # The answers go on without their clients, and end as they began.
    time.sleep(count // per_second + 15)


def _row(name, result, used):
    first, lag = result["first_byte_ms"] or {}, result["lag_ms"] or {}
    deltas = max(result["deltas"], 1)
    row = {
        "streams": name,
        "deltas/s": result["deltas"] / result["seconds"],
        "first byte p50 ms": first.get("p50"),
        "p99 ms": first.get("p99"),
        "lag p50 ms": lag.get("p50"),
        "lag p99 ms": lag.get("p99"),
        "CPU s": round(used.seconds[0], 2),
        "CPU µs/delta": used.seconds[0] / deltas * 1e6,
        "Supabase CPU s": round(used.seconds[1], 2),
    }
    if result["failed"]:
        row["failed"] = f"{result['failed']}: {result['problem'][:120]}"
    return row


def followers(setup):
    setup.report.section(
        "Joining an answer",
        "Fifty answers run; a second client follows each of them, on the replica that writes it (re-attach) or on "
        "another one (follow). The lag is that of the second client, without what was there before it came.",
    )
    ports = [free_port(), free_port()]
    peers = ",".join(f"http://127.0.0.1:{port}" for port in ports)
    shared = {"PEERS": peers, "SEAL_KEY": "a key that only the replicas of a benchmark have"}
    owner, other = (setup.replica(PORT=str(port), **shared) for port in ports)
    count = 10 if setup.quick else 50
    for name, process in (("re-attach", owner), ("follow on another replica", other)):
        chat = uuid.uuid4().hex
        asked = question(setup.tokens, prompt(deltas=160), chat)
        held = setup.load.held_streams(owner.address, asked, count, 0)
        requests = [request("GET", f"/api/ai/chat/{chat}-{{n}}/stream", token) for token in setup.tokens]
        with Used(process, setup.supabase) as used:
            result = setup.load.streams(process.address, requests, count)
        held.close()
        setup.report.add(**_row(name, result, used))
