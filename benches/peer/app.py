"""The same service as a careful Python developer would write it, to compare with: FastAPI on uvloop and
httptools, httpx with kept connections, orjson. It verifies access tokens, passes rows through, stores a
question and its answer, saves the answer every two seconds while it is written, accounts its tokens, and
streams the AI SDK's frames. The answer goes on when its client leaves.

It leaves out what the server does beside that: claims, leases and re-sent messages, other replicas, tools,
limits on memory, and retries.
"""

from contextlib import asynccontextmanager

from fastapi import FastAPI, Header, HTTPException, Request, Response
from fastapi.responses import StreamingResponse
import orjson

import answers
import auth
import supabase
from settings import http

CHAT = (
    "id,user_id,title,model,system_prompt,is_archived,is_bookmarked,metadata,last_message_at,"
    "created_at,updated_at"
)
STREAM = {
    "cache-control": "no-cache",
    "x-accel-buffering": "no",
    "x-vercel-ai-ui-message-stream": "v1",
}


@asynccontextmanager
async def lifespan(_):
    yield
    await answers.finish()
    await http.aclose()


app = FastAPI(lifespan=lifespan)


@app.get("/health")
async def health():
    return {"status": "ok"}


@app.get("/api/chats/")
async def list_chats(authorization: str = Header("")):
    user = await auth.user(authorization)
    query = {"select": CHAT, "order": "last_activity_at.desc,id.desc", "limit": "51"}
    rows = orjson.loads((await supabase.request("GET", "chats", user, query)).content)
    return _json(orjson.dumps(rows[:50]))


@app.get("/api/chats/{chat_id}")
async def get_chat(chat_id: str, authorization: str = Header("")):
    user = await auth.user(authorization)
    query = {"id": f"eq.{chat_id}", "select": CHAT}
    rows = orjson.loads((await supabase.request("GET", "chats", user, query)).content)
    if not rows:
        raise HTTPException(404, "There is no such chat.")
    return _json(orjson.dumps(rows[0]))


@app.get("/api/messages/chat/{chat_id}")
async def list_messages(chat_id: str, authorization: str = Header("")):
    user = await auth.user(authorization)
    query = {
        "id": f"eq.{chat_id}",
        "select": "messages(*)",
        "messages.is_active": "is.true",
        "messages.order": "created_at.asc,id.asc",
        "messages.limit": "51",
    }
    rows = orjson.loads((await supabase.request("GET", "chats", user, query)).content)
    if not rows:
        raise HTTPException(404, "There is no such chat.")
    return _json(orjson.dumps(rows[0]["messages"][:50]))


@app.post("/api/chats/", status_code=201)
async def create_chat(request: Request, authorization: str = Header("")):
    user = await auth.user(authorization)
    chat = orjson.loads(await request.body())
    row = await supabase.request("POST", "chats", user, {"select": CHAT}, chat, "return=representation")
    return _json(row.content.strip()[1:-1], 201)


@app.post("/api/ai/chat")
async def generate(request: Request, authorization: str = Header("")):
    user = await auth.user(authorization)
    body = orjson.loads(await request.body())
    answer = await answers.start(user, body["id"], body["messages"][-1])
    return StreamingResponse(answer.frames(), headers=STREAM, media_type="text/event-stream")


def _json(content, status=200):
    return Response(content, status, media_type="application/json")
