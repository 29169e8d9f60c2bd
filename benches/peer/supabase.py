"""PostgREST, in a user's name."""

from fastapi import HTTPException
import orjson

from settings import SUPABASE_ANON_KEY, SUPABASE_URL, http


async def request(method, path, user, query=None, body=None, prefer=None):
    headers = {"apikey": SUPABASE_ANON_KEY, "authorization": f"Bearer {user.token}"}
    if body is not None:
        headers["content-type"] = "application/json"
    if prefer:
        headers["prefer"] = prefer
    answer = await http.request(
        method,
        f"{SUPABASE_URL}/rest/v1/{path}",
        params=query,
        content=None if body is None else orjson.dumps(body),
        headers=headers,
    )
    if answer.is_error:
        raise HTTPException(502, f"Supabase: {answer.status_code} {answer.text[:300]}")
    return answer
