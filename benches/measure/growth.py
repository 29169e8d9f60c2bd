"""How the requests to Supabase and their bytes grow with the length of an answer. Counts, so they repeat."""

from .load import request
from .streams import prompt, question
from .supabase import call

SIZES = [("1 KiB", 1 << 10), ("64 KiB", 64 << 10), ("1 MiB", 1 << 20)]


def run(setup):
    setup.report.section(
        "Requests to Supabase per answer",
        "Counted by a proxy before Supabase. The answers take ten seconds each, in 200 deltas; \"together\" is a "
        "replica with a service key, whose checkpoints travel together, \"alone\" one without. The "
        "bytes are those of bodies.",
    )
    for key, name in ((setup.supabase.service_key, "together"), ("", "alone")):
        proxy = setup.processes.helper("proxy", setup.supabase.address)
        public = f"http://{setup.supabase.address}"
        env = {"SUPABASE_SERVICE_ROLE_KEY": key, "SUPABASE_PUBLIC_URL": public}
        server = setup.replica(proxy.address, **env)
        for title, size in SIZES:
            _answers(setup, server, proxy, f"{title}, {name}", 1, size)
        if not setup.quick:
            _answers(setup, server, proxy, f"200 × 1 KiB at once, {name}", 200, 1 << 10)
    _requests(setup)


def _answers(setup, server, proxy, name, count, size, deltas=200):
    call(proxy.address, "GET", "/counts")
    text = prompt(deltas, every=50, size=size // deltas)
    result = setup.load.streams(server.address, question(setup.tokens, text), count)
    counts = call(proxy.address, "GET", "/counts")
    checkpoints = counts.get("/rest/v1/rpc/save_checkpoints", {"requests": 0, "bytes_sent": 0})
    sent = sum(each["bytes_sent"] for each in counts.values())
    setup.report.add(
        **{
            "answer": name,
            "requests": sum(each["requests"] for each in counts.values()),
            "of them checkpoints": checkpoints["requests"],
            "bytes sent": sent,
            "bytes received": sum(each["bytes_received"] for each in counts.values()),
            "sent/answer": sent / (size * count),
            "failed": result["failed"] or None,
        }
    )


def _requests(setup):
    setup.report.section("Requests to Supabase per request")
    proxy = setup.processes.helper("proxy", setup.supabase.address)
    public = f"http://{setup.supabase.address}"
    server = setup.replica(proxy.address, SUPABASE_PUBLIC_URL=public)
    chat = setup.chats[0]
    cases = [
        ("list of 50 chats", "GET", "/api/chats/", None),
        ("one chat", "GET", f"/api/chats/{chat}", None),
        ("messages of a chat", "GET", f"/api/messages/chat/{chat}", None),
        ("create a chat", "POST", "/api/chats/", {"title": "A chat"}),
        ("rename a chat", "PATCH", f"/api/chats/{chat}", {"title": "Another"}),
        ("usage", "GET", "/api/analytics/usage", None),
    ]
    for name, method, path, body in cases:
        one = request(method, path, setup.token, body)
        setup.load.requests(server.address, [one], 1, total=1)
        call(proxy.address, "GET", "/counts")
        setup.load.requests(server.address, [one], 1, total=1)
        counts = call(proxy.address, "GET", "/counts").values()
        setup.report.add(
            **{
                "request": name,
                "requests": sum(each["requests"] for each in counts),
                "bytes sent": sum(each["bytes_sent"] for each in counts),
                "bytes received": sum(each["bytes_received"] for each in counts),
            }
        )
