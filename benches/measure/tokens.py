"""How long it takes to verify an access token, by algorithm."""

import base64
import hashlib
import hmac
import json
import subprocess
import uuid

from .load import request
from .setup import Used
from .supabase import call

SECRET = "a-secret-for-benchmarks-of-32-bytes-or-more"


def hs256(issuer, secret=SECRET):
    """A token of a user of the project at `issuer`, signed with its secret."""
    claims = {
        "sub": str(uuid.uuid4()),
        "aud": "authenticated",
        "role": "authenticated",
        "iss": f"http://{issuer}/auth/v1",
        "exp": 4_000_000_000,
    }
    parts = [_base64(json.dumps(part).encode()) for part in ({"alg": "HS256", "typ": "JWT"}, claims)]
    text = ".".join(parts)
    signature = hmac.digest(secret.encode(), text.encode(), hashlib.sha256)
    return f"{text}.{_base64(signature)}"


def _base64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def run(setup):
    setup.report.section(
        "Verifying access tokens",
        "`GET /api/ai/models` with 8 connections, which asks nobody. \"New\" tokens are seen for the first "
        "time, so their signature is verified; known ones are remembered until they end.",
    )
    keys = setup.processes.helper("keys")
    server = setup.replica(keys.address, SUPABASE_JWT_SECRET=SECRET)
    count = 1000 if setup.quick else 4000
    for algorithm in ("HS256", "ES256", "RS256"):
        tokens = call(keys.address, "GET", f"/tokens/{algorithm}/{count}")
        requests = [request("GET", "/api/ai/models", token) for token in tokens]
        _measure(setup, server, f"{algorithm}, new", requests)
        _measure(setup, server, f"{algorithm}, known", requests[:1], count)


def _measure(setup, server, name, requests, total=None):
    with Used(server) as used:
        total = total or len(requests)
        result = setup.load.requests(server.address, requests, 8, total=total)
    setup.report.add(
        **{
            "token": name,
            "requests/s": result["per_second"],
            "p50 ms": result["ms"]["p50"],
            "p99 ms": result["ms"]["p99"],
            "CPU µs/request": used.seconds[0] / result["requests"] * 1e6,
            "statuses": "/".join(result["statuses"]),
        }
    )
