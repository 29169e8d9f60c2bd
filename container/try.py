"""What container/test.sh does within the image's root file system."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request

API, SUPABASE = "http://127.0.0.1:8000", "http://127.0.0.1:54321"


def post(url, body, **headers):
    data = json.dumps(body).encode()
    headers = {"content-type": "application/json", **headers}
    with urllib.request.urlopen(urllib.request.Request(url, data, headers), timeout=30) as response:
        return response.read().decode()


def wait_until_healthy(server):
    for _ in range(100):
        if subprocess.run(["chat-backend", "health"], capture_output=True).returncode == 0:
            return
        assert server.poll() is None, "the server has ended"
        time.sleep(0.1)
    raise AssertionError("the server is not healthy after 10 s")


assert os.getuid() != 0
try:
    open("/usr/local/bin/written", "w")
    raise AssertionError("the root file system can be written")
except OSError:
    pass

server = subprocess.Popen(["chat-backend"])
wait_until_healthy(server)

user = {"email": "ada@example.com", "password": "correct horse"}
session = json.loads(post(SUPABASE + "/auth/v1/signup", user, apikey="sb_publishable_local"))
headers = {"authorization": "Bearer " + session["access_token"]}
answer = post(API + "/api/ai/generate", {"prompt": "Hello!", "stream": True}, **headers)
assert '"type":"finish"' in answer, answer
for language, code in [("javascript", "6 * 7"), ("python", "6 * 7")]:
    script = post(API + "/api/scripts/run", {"language": language, "code": code}, **headers)
    assert json.loads(script)["result"] == 42, script

server.send_signal(signal.SIGTERM)
assert server.wait(timeout=30) == 0
assert subprocess.run(["chat-backend", "health"], capture_output=True).returncode == 1
assert sorted(os.listdir("/data"))[0] == ".gitignore", os.listdir("/data")
print("the image's root file system: 1 passed, 0 failed", file=sys.stderr)
