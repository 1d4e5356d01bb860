"""Server-sent events: the page at / shows the progress of work that goes on at /events.

The handler is a generator: what it yields is sent at once, if the function's URL is for streams
(InvokeMode RESPONSE_STREAM). First comes a dict with the status and the headers, then the body.
"""

import json
import time

HTML = {"content-type": "text/html; charset=utf-8"}
EVENTS = {"content-type": "text/event-stream", "cache-control": "no-store"}
STEPS = 10
PAUSE = 0.5

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Server-sent events</title>
<h1>Working …</h1>
<progress value="0" max="1"></progress>
<script>
  const events = new EventSource("/events" + location.search);
  events.onmessage = (event) => {
    const {step, steps} = JSON.parse(event.data);
    document.querySelector("progress").value = step / steps;
  };
  events.addEventListener("done", () => {
    events.close(); // an EventSource would ask again
    document.querySelector("h1").textContent = "Done.";
  });
</script>
</html>
"""


def handler(event, context):
    """Called by Lambda."""
    if event["rawPath"] == "/events":
        yield {"statusCode": 200, "headers": EVENTS}
        yield from work(**asked_for(event))
    else:
        yield {"statusCode": 200, "headers": HTML}
        yield PAGE


def asked_for(event):
    """How many steps, and the seconds between them: /?steps=3&pause=0.1"""
    query = event.get("queryStringParameters", {})
    return {"steps": int(query.get("steps", STEPS)), "pause": float(query.get("pause", PAUSE))}


def work(steps, pause):
    """Tell each step as it is done; put your own work in here."""
    for step in range(1, steps + 1):
        time.sleep(pause)
        yield f"data: {json.dumps({'step': step, 'steps': steps})}\n\n"
    yield "event: done\ndata:\n\n"
