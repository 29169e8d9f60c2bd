"""Verifies Supabase's access tokens with the project's keys, and remembers those that were good."""

import time
from dataclasses import dataclass

from fastapi import HTTPException
import jwt

from settings import SUPABASE_JWT_SECRET, SUPABASE_URL, http

ISSUER = f"{SUPABASE_URL}/auth/v1"
REMEMBERED = 10_000

_keys = {}
_known = {}


@dataclass(slots=True)
class User:
    id: str
    token: str
    expires_at: int


async def user(authorization):
    """The user whose token this is."""
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise HTTPException(401, "Sign in first.")
    known = _known.get(token)
    if known and known.expires_at > time.time():
        return known
    try:
        claims = await _verify(token)
    except jwt.PyJWTError as error:
        raise HTTPException(401, str(error)) from error
    if len(_known) >= REMEMBERED:
        _known.clear()
    _known[token] = verified = User(claims["sub"], token, claims["exp"])
    return verified


async def _verify(token):
    header = jwt.get_unverified_header(token)
    algorithm = header["alg"]
    if algorithm == "HS256" and SUPABASE_JWT_SECRET:
        key = SUPABASE_JWT_SECRET
    elif algorithm in ("ES256", "RS256"):
        key = await _key(header.get("kid"))
    else:
        raise jwt.InvalidAlgorithmError(f"{algorithm} is not accepted")
    return jwt.decode(token, key, [algorithm], audience="authenticated", issuer=ISSUER)


async def _key(kid):
    if kid not in _keys:
        answer = await http.get(f"{ISSUER}/.well-known/jwks.json")
        answer.raise_for_status()
        _keys.update((key["kid"], jwt.PyJWK(key).key) for key in answer.json()["keys"])
    if kid not in _keys:
        raise jwt.InvalidKeyError("an unknown key")
    return _keys[kid]
