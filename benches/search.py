"""Recall of the search over files, through the API of a running server, beside PostgreSQL's own full text.

The documents and questions are those that the package `cherche` ships (Semanlink: notes about papers and web
pages, with titles and tags). They are not part of this repository:

    pip download --no-deps cherche && tar xzf cherche-*.tar.gz
    RATE_LIMIT_PER_MINUTE=100000 chat-backend          # in an empty folder
    python3 benches/search.py cherche-*/cherche/data/semanlink [--postgres "host=… dbname=…"]

`--postgres` is a connection string for psql, of any database in which temporary tables may be made.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import time
import urllib.parse
import urllib.request
import uuid

K = 5


def request(url, token=None, body=None, headers=None, method=None):
    headers = dict(headers or {})
    if token:
        headers["authorization"] = f"Bearer {token}"
    if isinstance(body, dict):
        headers["content-type"], body = "application/json", json.dumps(body).encode()
    with urllib.request.urlopen(
        urllib.request.Request(url, body, headers, method=method), timeout=120
    ) as response:
        return json.loads(response.read() or b"null")


def papers(folder):
    return [d for d in json.loads((folder / "arxiv.json").read_text()) if d["arxiv_summary"]]


def by_tag(folder):
    """Topics: find the abstracts that were given a tag. Tags of one to ten papers."""
    tags = json.loads((folder / "tags.json").read_text())
    documents, tagged = {}, {}
    for number, paper in enumerate(papers(folder)):
        documents[f"p{number}"] = f"{paper['arxiv_title']}\n\n{paper['arxiv_summary']}"
        for tag in set(paper["tag"]):
            tagged.setdefault(tag, set()).add(f"p{number}")
    questions = [
        (" ".join(tags[tag]["prefLabel"]), relevant)
        for tag, relevant in tagged.items()
        if len(relevant) <= 10 and tags.get(tag, {}).get("prefLabel")
    ]
    return documents, questions


def by_title(folder):
    """Papers: find an abstract by the paper's title, which is not in it."""
    documents = {f"p{n}": paper["arxiv_summary"] for n, paper in enumerate(papers(folder))}
    questions = [(paper["arxiv_title"], {f"p{n}"}) for n, paper in enumerate(papers(folder))]
    return documents, questions


def notes(folder):
    """Notes in English and French: find a note by its title, which is not in it."""
    rows = json.loads((folder / "docs.json").read_text())
    rows = [row for row in rows if len(row["comment"]) >= 300 and row["title"]]
    documents = {f"n{number}": row["comment"] for number, row in enumerate(rows)}
    return documents, [(row["title"], {f"n{number}"}) for number, row in enumerate(rows)]


class Server:
    def __init__(self, url, supabase, key):
        self.url = url
        account = {"email": f"{uuid.uuid4()}@example.com", "password": "correct-horse-battery-staple"}
        session = request(f"{supabase}/auth/v1/signup", None, account, {"apikey": key})
        self.token = session["access_token"]

    def upload(self, name, text):
        boundary = uuid.uuid4().hex
        head = (
            f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}.txt"\r\n'
            "Content-Type: text/plain\r\n\r\n"
        )
        body = head.encode() + text.encode() + f"\r\n--{boundary}--\r\n".encode()
        headers = {"content-type": f"multipart/form-data; boundary={boundary}"}
        request(f"{self.url}/api/files/", self.token, body, headers)

    def search(self, question, limit=20):
        query = urllib.parse.urlencode({"q": question[:1000], "limit": limit})
        return request(f"{self.url}/api/files/search?{query}", self.token)

    def find(self, question):
        """The files of the passages, each at its best place."""
        names = [p["name"].removesuffix(".txt") for p in self.search(question)["passages"]]
        return list(dict.fromkeys(names))


def recall(questions, find):
    """The share of what is relevant that is among the first five, on average."""
    shares = []
    for question, relevant in questions:
        found = set(find(question)[:K])
        shares.append(len(found & relevant) / min(len(relevant), K))
    return sum(shares) / len(shares)


def full_text(postgres, documents, questions, query):
    """What PostgreSQL's full text finds in whole documents; all questions at once."""

    def copied(rows):
        escape = lambda text: (
            text.replace("\\", "\\\\").replace("\t", " ").replace("\n", " ").replace("\r", " ")
        )
        return "\n".join("\t".join(map(escape, row)) for row in rows) + "\n\\.\n"

    script = (
        "create temp table d (id text, t text);\ncopy d from stdin;\n"
        + copied(documents.items())
        + "create temp table v as select id, to_tsvector('english', t) as v from d;\n"
        + "create temp table q (n int, t text);\ncopy q from stdin;\n"
        + copied((str(n), question) for n, (question, _) in enumerate(questions))
        + f"select q.n, f.id from q cross join lateral (select v.id from v, "
        f"(select {query} as tsq) s where v.v @@ s.tsq "
        f"order by ts_rank(v.v, s.tsq) desc, v.id limit {K}) f;"
    )
    command = ["psql", postgres, "-qAtX", "-F", "\t", "-v", "ON_ERROR_STOP=1"]
    out = subprocess.run(command, input=script, text=True, capture_output=True, check=True).stdout
    found = {}
    for line in out.splitlines():
        number, document = line.split("\t")
        found.setdefault(int(number), []).append(document)
    order = {question: number for number, (question, _) in enumerate(questions)}
    return recall(questions, lambda question: found.get(order[question], []))


AND = "websearch_to_tsquery('english', q.t)"
OR = "replace(plainto_tsquery('english', q.t)::text, '&', '|')::tsquery"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    parser.add_argument("--supabase", default="http://127.0.0.1:54321")
    parser.add_argument("--key", default="sb_publishable_local")
    parser.add_argument("--postgres")
    arguments = parser.parse_args()
    for load in (by_tag, by_title, notes):
        documents, questions = load(arguments.folder)
        server = Server(arguments.url, arguments.supabase, arguments.key)
        for name, text in documents.items():
            server.upload(name, text)
        while server.search("anything")["unread_files"]:
            time.sleep(1)
        began = time.monotonic()
        numbers = {"search": recall(questions, server.find)}
        took = (time.monotonic() - began) / len(questions)
        if arguments.postgres:
            for name, query in {"websearch_to_tsquery": AND, "OR, ts_rank": OR}.items():
                numbers[name] = full_text(arguments.postgres, documents, questions, query)
        shown = ", ".join(f"{name} {number:.3f}" for name, number in numbers.items())
        print(
            f"{load.__name__}: {len(documents)} documents, {len(questions)} questions, "
            f"recall@{K}: {shown}; {took * 1000:.0f} ms a search",
            flush=True,
        )


if __name__ == "__main__":
    sys.exit(main())
