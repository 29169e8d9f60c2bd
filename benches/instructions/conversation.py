"""A provider and listeners in step with one another, over plain sockets."""

import copy
import json
import socket
import uuid
from urllib.parse import urlsplit


class Provider:
    """A server that speaks Chat Completions."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        port = self.listener.getsockname()[1]
        self.settings = {"OPENAI_COMPATIBLE_MOCK_BASE_URL": f"http://127.0.0.1:{port}/v1",
                         "OPENAI_COMPATIBLE_MOCK_MODELS": "m", "DEFAULT_MODEL": "mock/m"}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()

    def accept(self):
        """Waits for the next request and begins its answer."""
        connection, _ = self.listener.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        read_message(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
                           b"transfer-encoding: chunked\r\nconnection: close\r\n\r\n")
        return Model(connection)


class Model:
    """An answer of the provider, which says a word when it is told to."""

    def __init__(self, connection):
        self.connection = connection

    def say(self, word):
        self.send({"index": 0, "delta": {"content": word}, "finish_reason": None})

    def end(self):
        self.send({"index": 0, "delta": {}, "finish_reason": "stop"})
        self.write(b"data: [DONE]\n\n")
        self.connection.sendall(b"0\r\n\r\n")
        self.connection.close()

    def send(self, choice):
        chunk = {"id": "chatcmpl-8Zq2sVbX1", "object": "chat.completion.chunk", "created": 1790000000,
                 "model": "m", "system_fingerprint": "fp_44709d6fcb", "choices": [choice]}
        self.write(b"data: " + json.dumps(chunk, separators=(",", ":")).encode() + b"\n\n")

    def write(self, event):
        self.connection.sendall(b"%x\r\n%s\r\n" % (len(event), event))


class Chats:
    """A user with 51 chats."""

    def __init__(self, url, supabase):
        self.address = (urlsplit(url).hostname, urlsplit(url).port)
        auth = urlsplit(supabase.banner["Supabase"])
        body = {"email": f"{uuid.uuid4()}@example.com", "password": "a long password"}
        with socket.create_connection((auth.hostname, auth.port)) as connection:
            headers = f"apikey: {supabase.banner['key']}\r\n"
            user = json.loads(ask(connection, "POST", "/auth/v1/signup", headers, body))
        self.headers = f"authorization: Bearer {user['access_token']}\r\n"
        with self.connect() as connection:
            self.chats = [self.create(connection, number) for number in range(51)]

    def create(self, connection, number):
        chat = {"title": f"A chat about something {number}"}
        return json.loads(ask(connection, "POST", "/api/chats/", self.headers, chat))["id"]

    def through(self, other):
        """The same chats by way of another server."""
        copied = copy.copy(self)
        copied.address = (urlsplit(other.url).hostname, urlsplit(other.url).port)
        return copied

    def connect(self):
        return socket.create_connection(self.address)

    def list(self, times):
        with self.connect() as connection:
            for _ in range(times):
                ask(connection, "GET", "/api/chats/", self.headers)

    def get(self, times):
        with self.connect() as connection:
            for _ in range(times):
                ask(connection, "GET", f"/api/chats/{self.chats[0]}", self.headers)

    def create_more(self, times):
        with self.connect() as connection:
            for number in range(times):
                self.create(connection, number)

    def refused(self, times):
        """Without a token."""
        with self.connect() as connection:
            for _ in range(times):
                ask(connection, "GET", "/api/chats/", "", expected=401)

    def missing(self, times):
        """Of a chat that nobody has."""
        with self.connect() as connection:
            for _ in range(times):
                ask(connection, "GET", f"/api/chats/{uuid.UUID(int=1)}", self.headers, expected=404)

    def stream(self, provider, deltas, listeners):
        """An answer of so many deltas, each sent when all listeners have the one before."""
        model, connection = self.generate(provider, self.chats[0])
        connections = [connection]
        for _ in range(listeners - 1):
            connections.append(self.connect())
            request(connections[-1], "GET", f"/api/ai/chat/{self.chats[0]}/stream", self.headers)
            wait_for(connections[-1], b"text-delta")
        converse([model], connections, deltas)

    def streams(self, provider, deltas, answers):
        """So many answers at once, each with one listener: the next deltas follow when all have come."""
        generations = [self.generate(provider, chat) for chat in self.chats[:answers]]
        models, connections = zip(*generations)
        converse(models, connections, deltas // answers)

    def generate(self, provider, chat):
        connection = self.connect()
        question = {"content": "Say something.", "stream": True}
        request(connection, "POST", f"/api/ai/chat/{chat}/generate", self.headers, question)
        model = provider.accept()
        model.say("Word")
        wait_for(connection, b"text-delta")
        return model, connection


def converse(models, connections, deltas):
    """The models say so many words, each when all listeners have heard the one before, and end."""
    for _ in range(deltas):
        for model in models:
            model.say("word")
        for connection in connections:
            wait_for(connection, b"text-delta")
    for model in models:
        model.end()
    for connection in connections:
        wait_for(connection, b"[DONE]")
        connection.close()


def wait_for(connection, what):
    read = b""
    while what not in read:
        more = connection.recv(65536)
        if not more:
            raise SystemExit(f"the server hung up: {read}")
        read += more


def request(connection, method, path, headers, body=None):
    content = "" if body is None else json.dumps(body)
    described = f"content-type: application/json\r\ncontent-length: {len(content)}\r\n" if content else ""
    head = f"{method} {path} HTTP/1.1\r\nhost: localhost\r\n{headers}{described}\r\n"
    connection.sendall((head + content).encode())


def ask(connection, method, path, headers, body=None, expected=None):
    """The body of the answer to a request, which succeeds unless another status is expected."""
    request(connection, method, path, headers, body)
    head, content = read_message(connection)
    if f" {expected or 20}".encode() not in head.split(b"\r\n")[0]:
        raise SystemExit(f"{method} {path}: {head} {content}")
    return content


def read_message(connection):
    """The head and the body of a message that tells its length."""
    read = b""
    while b"\r\n\r\n" not in read:
        read += connection.recv(65536)
    head, content = read.split(b"\r\n\r\n", 1)
    lengths = [line.split(b":")[1] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")]
    while len(content) < int((lengths or [0])[0]):
        content += connection.recv(65536)
    return head, content
