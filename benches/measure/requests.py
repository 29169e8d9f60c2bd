"""Single requests, beside the same request to Supabase itself."""

from .load import request
from .setup import Used
from .tokens import SECRET, hs256

COLUMNS = (
    "id,user_id,title,model,system_prompt,assistant,is_archived,is_bookmarked,metadata,last_message_at,"
    "created_at,updated_at"
)
PAGE = f"/rest/v1/chats?select={COLUMNS}&order=last_activity_at.desc,id.desc&limit=51"
MESSAGES = (
    "/rest/v1/chats?id=eq.{chat}&select=messages(id,chat_id,user_id,parent_id,role,content:current_content,"
    "parts:current_parts,model,status:current_status,finish_reason,usage,cost_usd,is_active,"
    "metadata:current_metadata,created_at,updated_at)&messages.is_active=is.true"
    "&messages.order=created_at.asc,id.asc&messages.limit=51"
)
ONE_ROW = {"accept": "application/vnd.pgrst.object+json"}


def run(setup):
    fixed_upstream(setup)
    local_supabase(setup)
    scripts(setup)


def fixed_upstream(setup):
    setup.report.section(
        "Lists, over an upstream that only sends fixed bytes",
        "50 chats over 32 connections. The upstream does nothing, so this is what the server itself costs: "
        "verifying the token, asking, checking the answer and passing it on. The bare proxy only asks and passes "
        "on: what is above it is ours.",
    )
    upstream = setup.processes.helper("upstream")
    key = {"apikey": "sb_publishable_local"}
    server = setup.replica(upstream.address, SUPABASE_JWT_SECRET=SECRET)
    token = hs256(upstream.address)
    direct = measure(setup, "upstream alone", upstream, [request("GET", PAGE, token, **key)])
    asked = [request("GET", "/api/chats/", token)]
    bare = setup.processes.helper("bare", f"http://{upstream.address}{PAGE}")
    measure(setup, "a bare proxy of axum and reqwest", bare, asked, upstream, direct)
    measure(setup, "chat-backend", server, asked, upstream, direct)
    if setup.peer:
        peer = setup.peer_on(upstream.address, SUPABASE_JWT_SECRET=SECRET)
        measure(setup, "FastAPI peer", peer, asked, upstream, direct)


def local_supabase(setup):
    setup.report.section(
        "Requests, over the local Supabase",
        "32 connections. Each row is beside the same request to the local Supabase itself (its own readers and "
        "writers on SQLite are what limits both).",
    )
    key = {"apikey": "sb_publishable_local"}
    chat = setup.chats[0]
    new_chat = {"title": "A chat", "metadata": {"color": "blue"}}
    cases = [
        ("list of 50 chats", ("GET", PAGE, None, key), ("GET", "/api/chats/", None)),
        (
            "one chat",
            ("GET", f"/rest/v1/chats?id=eq.{chat}&select={COLUMNS}", None, key | ONE_ROW),
            ("GET", f"/api/chats/{chat}", None),
        ),
        (
            "messages of a chat",
            ("GET", MESSAGES.format(chat=chat), None, key | ONE_ROW),
            ("GET", f"/api/messages/chat/{chat}", None),
        ),
        (
            "create a chat",
            ("POST", "/rest/v1/chats", new_chat, key | {"prefer": "return=representation"}),
            ("POST", "/api/chats/", new_chat),
        ),
    ]
    for name, direct, ours in cases:
        method, path, body, headers = direct
        bare = request(method, path, setup.token, body, **headers)
        alone = measure(setup, f"{name}: Supabase alone", setup.supabase, [bare])
        own = request(*ours[:2], setup.token, ours[2])
        measure(setup, f"{name}: chat-backend", setup.server, [own], setup.supabase, alone)
        if setup.peer:
            measure(setup, f"{name}: FastAPI peer", setup.peer, [own], setup.supabase, alone)
    password = {"email": "user0@example.com", "password": "correct horse battery"}
    sign_in = request("POST", "/auth/v1/token?grant_type=password", None, password, **key)
    measure(setup, "sign in with a password: Supabase alone", setup.supabase, [sign_in], connections=4)


def scripts(setup):
    setup.report.section("Scripts", "A sandbox that is warm, one script after another, and four at once.")
    languages = [("JavaScript", "javascript", "[1,2,3].map((n) => n * 2)"), ("Python", "python", "sum(range(10))")]
    for title, language, code in languages:
        body = {"language": language, "code": code}
        run_one = request("POST", "/api/scripts/run", setup.token, body)
        for connections in (1, 4):
            setup.load.requests(setup.server.address, [run_one], connections, total=connections)
            measure(setup, f"{title}, {connections} at once", setup.server, [run_one], connections=connections)


def measure(setup, name, process, requests, upstream=None, direct=None, connections=32):
    """Adds a row; returns its throughput."""
    load, address = setup.load, process.address
    load.requests(address, requests, connections, seconds=0.3)
    watched = [process] + ([upstream] if upstream else [])
    with Used(*watched) as used:
        result = load.requests(address, requests, connections, setup.seconds)
    good = sum(count for status, count in result["statuses"].items() if status.startswith("2"))
    row = {
        "request": name,
        "requests/s": result["per_second"],
        "p50 ms": result["ms"]["p50"],
        "p99 ms": result["ms"]["p99"],
        "CPU µs/request": used.seconds[0] / result["requests"] * 1e6,
        "of it alone": round(result["per_second"] / direct, 2) if direct else None,
    }
    if good != result["requests"]:
        row["not 2xx"] = result["requests"] - good
    setup.report.add(**row)
    return result["per_second"]
