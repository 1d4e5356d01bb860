"""What reaches the log."""

from __future__ import annotations

import json
import re
import struct
import sys

from runtime_under_test import RUNTIME
from scripted_api import REQUEST_ID, event

JSON = {"AWS_LAMBDA_LOG_FORMAT": "JSON", "AWS_LAMBDA_LOG_LEVEL": "INFO"}
LOGGING = """
import logging
log = logging.getLogger("my")
def handler(event, context):
    log.debug("d")
    log.info("info %s", 1, extra={"a": 1, "obj": object})
    log.warning({"dict": 1})
    try:
        1 / 0
    except ZeroDivisionError:
        log.exception("failed")
"""


def test_text_lines_start_at_warning_and_end_with_their_traceback(run):
    lines = run(LOGGING, [event()]).text.splitlines()

    assert re.fullmatch(rf"\[WARNING\]\t[\d:.TZ-]{{24}}\t{REQUEST_ID}\t{{'dict': 1}}", lines[0])
    assert re.fullmatch(rf"\[ERROR\]\t[\d:.TZ-]{{24}}\t{REQUEST_ID}\tfailed", lines[1])
    assert lines[2] == "Traceback (most recent call last):"
    assert lines[-1] == "ZeroDivisionError: division by zero"


def test_json_lines_have_the_fields_that_aws_documents(run):
    outcome = run(LOGGING, [event(Lambda_Runtime_Aws_Tenant_Id="blue")], variables=JSON)

    info, warning, error = (json.loads(line) for line in outcome.text.splitlines())
    assert re.fullmatch(r"[\d-]{10}T[\d:]{8}Z", info.pop("timestamp"))
    assert info == {
        "level": "INFO",
        "message": "info 1",
        "logger": "my",
        "requestId": REQUEST_ID,
        "tenantId": "blue",
        "a": 1,
        "obj": "<class 'object'>",
    }
    assert warning["message"] == {"dict": 1}
    assert error["errorType"] == "ZeroDivisionError"
    assert error["errorMessage"] == "division by zero"
    assert error["location"].endswith("/task/app.py:handler:11")
    assert error["stackTrace"][0].startswith('  File "')


def test_an_error_in_json_is_one_object(run):
    outcome = run("def handler(e, c):\n    raise ValueError('no')\n", [event()], variables=JSON)

    logged = json.loads(outcome.text)
    assert logged.pop("level") == "ERROR"
    assert logged.pop("timestamp")
    assert logged == outcome.post.json


def test_the_level_can_be_set_for_text_as_well(run):
    outcome = run(LOGGING, [event()], variables={"AWS_LAMBDA_LOG_LEVEL": "DEBUG"})

    assert outcome.text.splitlines()[0].endswith("\td")


def test_everything_printed_is_out_before_the_result(run):
    outcome = run("prints", [event({"lines": 2, "multi_line": True, "text": "é😀"})])

    lines = outcome.text.splitlines()
    assert lines[:6] == ["line 0 ", "line 1 ", "first", "second", "third", "é😀"]
    assert lines[6] == "on stderr"
    assert lines[7].endswith(f"\t{REQUEST_ID}\tlogged 2")
    assert lines[8] == "without an end"


def test_a_crash_loses_no_line(run):
    function = "import os\ndef handler(e, c):\n    print('é' * 9000)\n    os._exit(3)\n"

    outcome = run(function, [event()])

    assert outcome.text == "é" * 9000 + "\n"
    assert outcome.status == 3


def test_messages_stay_in_one_piece_on_the_telemetry_channel(run, tmp_path):
    script = f'exec "$0" -I -S -B "$1" 9>{tmp_path}/channel'
    command = ["/bin/sh", "-c", script, sys.executable, str(RUNTIME / "bootstrap.py")]

    outcome = run(
        LOGGING, [event()], command=command, variables={**JSON, "_LAMBDA_TELEMETRY_LOG_FD": "9"}
    )

    frames = list(_frames((tmp_path / "channel").read_bytes()))
    assert [kind for kind, _ in frames] == [0xA55A000E, 0xA55A0012, 0xA55A0016]
    assert json.loads(frames[0][1])["message"] == "info 1"
    assert outcome.text == ""


def _frames(data: bytes):
    while data:
        kind, length, microseconds = struct.unpack(">IIQ", data[:16])
        assert microseconds > 10**15
        yield kind, data[16 : 16 + length]
        data = data[16 + length :]
