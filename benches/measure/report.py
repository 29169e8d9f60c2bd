"""What was measured, as tables in Markdown and as JSON."""

import json
import os
import platform
import subprocess
from datetime import date

from .processes import ROOT


class Report:
    """Rows of measured values, by section."""

    def __init__(self):
        self.sections = []

    def section(self, title, explanation=""):
        self.sections.append({"title": title, "explanation": explanation, "rows": []})
        print(f"\n## {title}\n", flush=True)

    def add(self, **row):
        self.sections[-1]["rows"].append(row)
        print("  ".join(f"{name}: {cell(value)}" for name, value in row.items()), flush=True)

    def note(self, text):
        self.sections[-1]["explanation"] += ("\n\n" if self.sections[-1]["explanation"] else "") + text
        print(text, flush=True)

    def save(self, path):
        """Writes `path`.md and `path`.json."""
        about = machine()
        path.parent.mkdir(parents=True, exist_ok=True)
        content = {"machine": about, "sections": self.sections}
        path.with_suffix(".json").write_text(json.dumps(content, indent=1) + "\n")
        text = [f"{about['processors']} × {about['processor']}, {about['system']}, {about['date']}, "
                f"revision {about['revision']}; load of the machine at the end: {about['load']}"]
        for section in self.sections:
            text += ["", f"## {section['title']}", ""]
            if section["explanation"]:
                text += [section["explanation"], ""]
            text += table(section["rows"])
        path.with_suffix(".md").write_text("\n".join(text) + "\n")


def table(rows):
    """Lines of Markdown."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    if not names:
        return []
    lines = ["| " + " | ".join(names) + " |", "| --- |" + " ---: |" * (len(names) - 1)]
    for row in rows:
        lines.append("| " + " | ".join(cell(row.get(name)) for name in names) + " |")
    return lines


def cell(value):
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def machine():
    git = ["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"]
    return {
        "processor": processor(),
        "processors": os.cpu_count(),
        "system": f"{platform.system()} {platform.release().split('-')[0]}",
        "date": date.today().isoformat(),
        "revision": subprocess.run(git, capture_output=True, text=True).stdout.strip(),
        "load": f"{os.getloadavg()[0]:.1f}",
    }


def processor():
    try:
        with open("/proc/cpuinfo") as lines:
            names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
        return names[0]
    except (OSError, IndexError):
        return platform.machine()
