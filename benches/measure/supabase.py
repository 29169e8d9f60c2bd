"""Users and rows to measure with."""

import json
import urllib.request


def call(address, method, path, token=None, body=None, headers=None):
    """One request; returns what it answers."""
    headers = {"content-type": "application/json", "apikey": "sb_publishable_local"} | (headers or {})
    if token:
        headers["authorization"] = f"Bearer {token}"
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"http://{address}{path}", data, headers, method=method)
    with urllib.request.urlopen(request, timeout=60) as response:
        text = response.read()
    return json.loads(text) if text else None


def sign_up(supabase, name):
    """A new user's access token."""
    user = {"email": f"{name}@example.com", "password": "correct horse battery"}
    return call(supabase, "POST", "/auth/v1/signup", body=user)["access_token"]


def add_chats(supabase, token, count, messages=2):
    """Chats with messages; returns their ids."""
    ids = []
    wants_row = {"prefer": "return=representation"}
    for number in range(count):
        row = {"title": f"A chat about something, {number}", "metadata": {"color": "blue"}}
        chat = call(supabase, "POST", "/rest/v1/chats", token, row, wants_row)[0]["id"]
        ids.append(chat)
        text = "Some words that were said. " * 8
        rows = [
            {
                "chat_id": chat,
                "role": "user" if index % 2 == 0 else "assistant",
                "content": text,
                "parts": [{"type": "text", "text": text}],
            }
            for index in range(messages)
        ]
        call(supabase, "POST", "/rest/v1/messages", token, rows)
    return ids
