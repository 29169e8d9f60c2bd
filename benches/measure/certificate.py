"""A certificate for this machine, by openssl."""

import subprocess

SUBJECTS = "subjectAltName=DNS:localhost,IP:127.0.0.1"


def make(folder):
    """Files: the authority that a client must trust, a certificate, and its key; `None` without openssl."""
    authority, authority_key = folder / "authority.pem", folder / "authority.key"
    certificate, key, request = folder / "server.pem", folder / "server.key", folder / "server.csr"
    extensions = folder / "extensions"
    extensions.write_text(SUBJECTS + "\n")
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    commands = [
        ["req", "-x509", *curve, "-subj", "/CN=bench", "-keyout", authority_key, "-out", authority],
        ["req", *curve[:-2], "-subj", "/CN=localhost", "-keyout", key, "-out", request],
        [
            *("x509", "-req", "-in", request, "-CA", authority, "-CAkey", authority_key),
            *("-CAcreateserial", "-days", "2", "-extfile", extensions, "-out", certificate),
        ],
    ]
    try:
        for command in commands:
            subprocess.run(["openssl", *command], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return authority, certificate, key
