"""Speaks as a worker does, without torch or video: what it does with a file follows from the file's name."""

import json
import os
import sys
import time
from pathlib import Path

RESULT = json.loads(Path(__file__).with_name("result.json").read_text())


def answer(task):
    name = task["name"]
    if "crash" in name:
        os.abort()
    if "hang" in name:
        say({"progress": 0.25, "stage": "reading"})
        time.sleep(600)
    if "nonsense" in name:
        write("no JSON")
    if "nan" in name:
        write('{"result": {"score": NaN}}')
    if "wrong" in name:
        return {"result": {**RESULT, "score": "high"}}
    if "bad" in name:
        return {"error": f"{name}: not a video that can be read", "error_type": "UnreadableVideoError"}
    say({"progress": 0.5, "stage": "scoring"})
    if task["kind"] in EXTRAS:
        return {"result": EXTRAS[task["kind"]](task)}
    provenance = (
        {**RESULT["provenance"], "device": str(os.getpid())} if "pid" in name else RESULT["provenance"]
    )
    return {"result": {**RESULT, "path": "/not/what/the/user/knows", "provenance": provenance}}


def describe(task):
    return {**RESULT, "features": [len(task["name"]), ord(task["name"][0])]}


def draw_map(task):
    Path(task["folder"], "map.png").write_bytes(b"\x89PNG")
    grid = {"width": 2, "height": 1, "low": 1.0, "high": 9.0, "label": "local Q_R (TEST)"}
    return {**grid, "times_seconds": [0.0], "levels": ["AP8="], "coverage": 0.5}


def draw_map_video(task):
    Path(task["folder"], "map.mp4").write_bytes(bytes(300))
    if "half" in task["name"]:
        time.sleep(600)
    if "burst" in task["name"]:
        os.abort()
    return task["options"]


def convert(task):
    Path(task["folder"], "preview.mp4").write_bytes(bytes(range(200)))
    return {"width_px": 64, "height_px": 48, "fps": 25.0, "frames": 10, "complete": True}


EXTRAS = {"describe": describe, "map": draw_map, "map_video": draw_map_video, "preview": convert}


def say(message):
    write(json.dumps(message))


def write(line):
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    json.loads(sys.stdin.readline())
    say({"ready": True})
    for line in sys.stdin:
        say(answer(json.loads(line)))
