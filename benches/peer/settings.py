"""The settings and the HTTP client that everything shares."""

import os

import httpx

SUPABASE_URL = os.environ["SUPABASE_URL"]
SUPABASE_ANON_KEY = os.environ["SUPABASE_ANON_KEY"]
SUPABASE_JWT_SECRET = os.environ.get("SUPABASE_JWT_SECRET")
PROVIDER_URL = os.environ["PROVIDER_URL"]
MODEL = os.environ.get("MODEL", "bench")

http = httpx.AsyncClient(
    timeout=httpx.Timeout(30, read=600),
    limits=httpx.Limits(max_connections=None, max_keepalive_connections=512),
    trust_env=False,
)
