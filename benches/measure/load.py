"""Runs the load generator."""

import json
import subprocess


class Load:
    """The load generator at this path."""

    def __init__(self, path):
        self.path = path

    def requests(self, address, requests, connections=32, seconds=5.0, total=None):
        """Sends these in turn; returns throughput and times."""
        job = {
            "address": address,
            "connections": connections,
            "seconds": seconds,
            "total": total,
            "requests": requests,
        }
        return self._run("requests", job)

    def streams(self, address, requests, connections, per_second=0):
        """Opens as many streams and reads them to their end."""
        return self._run("streams", _streams(address, requests, connections, per_second))

    def held_streams(self, address, requests, connections, per_second):
        """Streams that stay open until `close`."""
        return Held(self.path, _streams(address, requests, connections, per_second) | {"hold": True})

    def _run(self, command, job):
        done = subprocess.run(
            [self.path, command], input=json.dumps(job) + "\n", text=True, capture_output=True
        )
        if done.returncode:
            raise RuntimeError(done.stderr[-2000:])
        return json.loads(done.stdout)


class Held:
    """Streams that are open."""

    def __init__(self, path, job):
        self.popen = subprocess.Popen(
            [path, "streams"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.popen.stdin.write(json.dumps(job) + "\n")
        self.popen.stdin.flush()
        self.popen.stdout.readline()

    def close(self):
        """Closes them; returns what they have seen."""
        out, _ = self.popen.communicate("\n")
        return json.loads(out)


def _streams(address, requests, connections, per_second):
    return {
        "address": address,
        "connections": connections,
        "per_second": per_second,
        "requests": requests,
    }


def request(method, path, token=None, body=None, **headers):
    """A request; `{n}` in path and body becomes its number."""
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    if token:
        headers["authorization"] = f"Bearer {token}"
    text = body if isinstance(body, str) else "" if body is None else json.dumps(body)
    return {"method": method, "path": path, "headers": headers, "body": text}
