"""Answers that are being written, each by a task of its own, and their frames."""

import asyncio
from datetime import datetime, timedelta, timezone
import logging
import time
import uuid

import orjson

import provider
import supabase
from settings import MODEL

CHECKPOINT_EVERY = 2.0
LEASE = timedelta(seconds=29)

_tasks = set()


async def finish():
    """Waits for the answers that run."""
    if _tasks:
        await asyncio.wait(_tasks, timeout=20)


async def start(user, chat, message):
    """Stores the question and begins the answer."""
    chat_id = str(uuid.uuid5(uuid.UUID(user.id), chat))
    answer = Answer(user, chat_id, "".join(part.get("text", "") for part in message["parts"]))
    await answer.begin(message["parts"])
    task = asyncio.create_task(answer.run())
    _tasks.add(task)
    task.add_done_callback(_tasks.discard)
    return answer


class Answer:
    def __init__(self, user, chat_id, question):
        self.user, self.chat_id, self.question = user, chat_id, question
        self.id = str(uuid.uuid4())
        self.pieces, self.usage, self.problem = [], {}, None
        self.ended = False
        self.started = time.monotonic()
        self.first_token_ms = None
        self.changed = asyncio.Event()

    async def begin(self, parts):
        chat = {"id": self.chat_id, "title": self.question[:80] or "New chat"}
        await supabase.request(
            "POST", "chats", self.user, {"on_conflict": "id"}, chat, "resolution=ignore-duplicates"
        )
        question_id = str(uuid.uuid4())
        question = {
            "id": question_id,
            "role": "user",
            "content": self.question,
            "parts": parts,
            "status": "complete",
            "parent_id": None,
            "lease_expires_at": None,
        }
        answer = {
            "id": self.id,
            "role": "assistant",
            "content": "",
            "parts": [],
            "status": "streaming",
            "parent_id": question_id,
            "lease_expires_at": _lease(),
        }
        rows = [row | {"chat_id": self.chat_id} for row in (question, answer)]
        await supabase.request("POST", "messages", self.user, None, rows, "return=minimal")

    async def run(self):
        saving = asyncio.create_task(self._checkpoints())
        status = "complete"
        try:
            async for text, usage in provider.stream(self.question):
                if text:
                    self.first_token_ms = self.first_token_ms or self._elapsed()
                    self.pieces.append(text)
                    self.changed.set()
                self.usage = usage or self.usage
        except Exception as error:
            logging.exception("an answer has failed")
            self.problem, status = str(error), "failed"
        saving.cancel()
        try:
            await self._save(status)
            await self._account(status)
        except Exception as error:
            logging.exception("an answer could not be saved")
            self.problem = str(error)
        self.ended = True
        self.changed.set()

    async def _checkpoints(self):
        while True:
            await asyncio.sleep(CHECKPOINT_EVERY)
            try:
                await self._save("streaming")
            except Exception:
                logging.exception("a checkpoint could not be saved")

    async def _save(self, status):
        text = "".join(self.pieces)
        changes = {
            "content": text,
            "parts": [{"type": "text", "text": text, "state": "done"}],
            "status": status,
            "model": MODEL,
            "lease_expires_at": _lease(),
        }
        if status != "streaming":
            changes |= {"finish_reason": "stop", "usage": self.usage}
        query = {"id": f"eq.{self.id}"}
        await supabase.request("PATCH", "messages", self.user, query, changes, "return=minimal")

    async def _account(self, status):
        row = {
            "chat_id": self.chat_id,
            "message_id": self.id,
            "operation": "chat",
            "provider": "bench",
            "model": MODEL,
            "input_tokens": self.usage.get("prompt_tokens", 0),
            "output_tokens": self.usage.get("completion_tokens", 0),
            "usage_source": "reported" if self.usage else "missing",
            "latency_ms": self._elapsed(),
            "time_to_first_token_ms": self.first_token_ms,
            "status": status,
        }
        await supabase.request("POST", "usage_logs", self.user, None, row, "return=minimal")

    def _elapsed(self):
        return int((time.monotonic() - self.started) * 1000)

    async def frames(self):
        """The frames from the start; what comes together goes out together."""
        yield _frame({"type": "start", "messageId": self.id}) + _frame({"type": "start-step"})
        yield _frame({"type": "text-start", "id": "0"})
        read = 0
        while True:
            self_ended, new = self.ended, self.pieces[read:]
            if new:
                read += len(new)
                yield _frame({"type": "text-delta", "id": "0", "delta": "".join(new)})
            elif self_ended:
                break
            else:
                self.changed.clear()
                await self.changed.wait()
        if self.problem:
            yield _frame({"type": "error", "errorText": self.problem})
        yield _frame({"type": "text-end", "id": "0"}) + _frame({"type": "finish-step"})
        yield _frame({"type": "finish", "finishReason": "stop"}) + b"data: [DONE]\n\n"


def _lease():
    return (datetime.now(timezone.utc) + LEASE).isoformat()


def _frame(value):
    return b"data: " + orjson.dumps(value) + b"\n\n"
