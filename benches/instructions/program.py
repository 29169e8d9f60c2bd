"""The server as a process of its own, and what it is compared with."""

import json
import os
import signal
import subprocess


class Program:
    """A running server on any port. `banner` has the second word of each line that it says at its start."""

    def __init__(self, program, folder, settings, wrapper=()):
        os.makedirs(folder)
        settings = {"PORT": "0", "LOCAL_SUPABASE_ADDR": "127.0.0.1:0", "SCRIPT_PYTHON": "off"} | settings
        with open(f"{folder}/log", "w") as log:
            self.process = subprocess.Popen([*wrapper, program], cwd=folder, env=settings, text=True,
                                            stdout=subprocess.PIPE, stderr=log)
        self.banner = {}
        for line in self.process.stdout:
            words = line.split()
            if len(words) > 1:
                self.banner[words[0]] = words[1]
            if line.split()[:1] == ["Models"]:
                break
        if "API" not in self.banner:
            raise SystemExit(f"the server did not start: {open(f'{folder}/log').read()}")
        self.url = self.banner["API"].removesuffix("/api")
        self.pid = self.process.pid

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()


# What the server asks for a list of chats.
LIST = ("/rest/v1/chats?select=id,user_id,title,model,system_prompt,assistant,is_archived,is_bookmarked,metadata,"
        "last_message_at,created_at,updated_at&order=last_activity_at.desc,id.desc&limit=51")


class Bare:
    """The load generator's proxy, which only passes a list on."""

    def __init__(self, load, supabase, wrapper=()):
        command = [*wrapper, load, "bare", supabase.banner["Supabase"] + LIST]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.url = "http://" + json.loads(self.process.stdout.readline())["address"]
        self.pid = self.process.pid

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
