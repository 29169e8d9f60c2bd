"""A model behind Chat Completions."""

import orjson

from settings import MODEL, PROVIDER_URL, http


async def stream(question):
    """Pieces of text, and the usage when it is reported."""
    body = {
        "model": MODEL,
        "stream": True,
        "stream_options": {"include_usage": True},
        "messages": [{"role": "user", "content": question}],
    }
    request = http.build_request(
        "POST",
        f"{PROVIDER_URL}/chat/completions",
        content=orjson.dumps(body),
        headers={"content-type": "application/json"},
    )
    answer = await http.send(request, stream=True)
    try:
        answer.raise_for_status()
        async for line in answer.aiter_lines():
            if not line.startswith("data: ") or line == "data: [DONE]":
                continue
            chunk = orjson.loads(line[6:])
            text = "".join(choice["delta"].get("content") or "" for choice in chunk["choices"])
            yield text, chunk.get("usage")
    finally:
        await answer.aclose()
