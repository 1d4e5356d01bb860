"""A handler that writes its response: what goes over the wire, piece by piece."""

from __future__ import annotations

import json
from base64 import b64decode

from scripted_api import ACCEPTED, REQUEST_ID, event

HTTP = "application/vnd.awslambda.http-integration-response"
TYPE = "lambda-runtime-function-error-type"
BODY = "lambda-runtime-function-error-body"
TOO_LARGE = b"HTTP/1.1 413 Request Entity Too Large\r\nContent-Length: 2\r\n\r\n{}"


def handler(*statements, options="undefined"):
    body = ";\n".join(statements)
    return f"""const turn = () => new Promise((resolve) => setTimeout(resolve, 5));
    exports.handler = awslambda.streamifyResponse(async (event, stream, context) => {{
      {body}
    }}, {options})"""


def error_of(post):
    return json.loads(b64decode(post.trailers[BODY]))


def test_each_write_is_a_chunk(run_node):
    function = handler(
        "stream.write('Zoë'); await turn()",
        "stream.write(Buffer.from([0, 255])); await turn()",
        "stream.write(new Uint8Array([97])); await turn()",
        "stream.write({ a: 1 }); await turn()",
        "stream.end('end')",
    )
    outcome = run_node(function, [event(), event()])

    assert len(outcome.posts) == 2
    post = outcome.posts[0]
    assert post.path == f"/2018-06-01/runtime/invocation/{REQUEST_ID}/response"
    assert post.headers["content-type"] == "application/octet-stream"
    assert post.headers["transfer-encoding"] == "chunked"
    assert post.headers["lambda-runtime-function-response-mode"] == "streaming"
    assert post.headers["trailer"].lower() == f"{TYPE}, {BODY}"
    assert post.chunks == ["Zoë".encode(), b"\0\xff", b"a", b'{"a":1}', b"end"]
    assert post.trailers == {}
    assert outcome.text == ""


def test_a_prelude_goes_ahead_of_the_body(run_node):
    function = handler(
        "stream = awslambda.HttpResponseStream.from(stream, { statusCode: 201, cookies: ['a'] })",
        "stream.write('body')",
        "stream.end()",
    )
    post = run_node(function, [event()]).post

    assert post.headers["content-type"] == HTTP
    assert post.chunks == [b'{"statusCode":201,"cookies":["a"]}' + bytes(8), b"body"]


def test_a_prelude_may_have_no_body(run_node):
    function = handler("awslambda.HttpResponseStream.from(stream, { statusCode: 204 }).end()")
    assert run_node(function, [event()]).post.chunks == [b'{"statusCode":204}' + bytes(8)]


def test_a_response_may_be_empty(run_node):
    post = run_node(handler("stream.end()"), [event()]).post
    assert (post.body, post.trailers) == (b"", {})
    assert post.headers["lambda-runtime-function-response-mode"] == "streaming"


def test_a_content_type_is_set_before_the_response_begins(run_node):
    function = handler(
        "stream.setContentType('text/html')",
        "stream.write('a')",
        "try { stream.setContentType('text/css') } catch (e) { stream.write(e.name) }",
        "stream.end()",
    )
    post = run_node(function, [event()]).post
    assert post.headers["content-type"] == "text/html"
    assert post.body == b"aRuntime.InvalidStreamingOperation"


def test_who_writes_faster_than_is_read_has_to_wait(run_node):
    function = handler(
        "const full = stream.write(Buffer.alloc(100))",
        "const drained = new Promise((resolve) => stream.on('drain', resolve))",
        "await drained",
        "const room = stream.write('a')",
        "stream.end(JSON.stringify([full, room]))",
        options="{ highWaterMark: 50 }",
    )
    assert run_node(function, [event()]).post.body == bytes(100) + b"a[false,true]"


def test_a_pipeline_may_go_through_it(run_node):
    function = handler(
        "const { pipeline } = require('node:stream/promises')",
        "const { createGzip } = require('node:zlib')",
        "const source = require('node:stream').Readable.from(['a', 'b'.repeat(1e6), event])",
        "await pipeline(source, stream)",
    )
    assert run_node(function, [event("end")]).post.body == b"a" + b"b" * 1_000_000 + b"end"


def test_a_handler_may_return_before_the_end(run_node):
    function = handler("stream.write('a'); setTimeout(() => stream.end('b'), 20)")
    outcome = run_node(function, [event(), event()])
    assert [post.body for post in outcome.posts] == [b"ab", b"ab"]


def test_a_handler_that_waits_for_nothing_ends_its_response(run_node):
    outcome = run_node(handler("await new Promise(() => {})"), [event(), event()])
    assert [post.body for post in outcome.posts] == [b"", b""]


def test_a_handler_that_never_writes_has_an_empty_response(run_node):
    outcome = run_node(handler("return 'dropped'"), [event(), event()])
    assert [post.body for post in outcome.posts] == [b"", b""]


def test_an_error_before_the_response_is_an_error_as_any_other(run_node):
    outcome = run_node(handler("throw new TypeError('no')"), [event(), event()])
    assert len(outcome.posts) == 2
    assert outcome.posts[0].path.endswith("/error")
    assert outcome.posts[0].json["errorType"] == "TypeError"


def test_an_error_in_the_middle_is_told_behind(run_node):
    function = handler("stream.write('a'); await turn(); throw new TypeError('Zoë')")
    outcome = run_node(function, [event(), event()])

    assert len(outcome.posts) == 2
    post = outcome.posts[0]
    assert post.body == b"a"
    assert post.trailers[TYPE] == "TypeError"
    assert error_of(post)["errorMessage"] == "Zoë"
    assert error_of(post)["trace"][0] == "TypeError: Zoë"
    assert "\tERROR\tInvoke Error \t{" in outcome.text


def test_what_was_written_before_an_error_arrives(run_node):
    function = handler(
        "for (const piece of 'abcde') stream.write(piece.repeat(100_000))",
        "stream.cork()",
        "stream.write('f')",
        "throw new Error('no')",
    )
    post = run_node(function, [event()]).post
    assert post.body == b"".join(piece * 100_000 for piece in (b"a", b"b", b"c", b"d", b"e")) + b"f"
    assert error_of(post)["errorMessage"] == "no"


def test_an_error_of_a_destroyed_response_is_told(run_node):
    function = handler("stream.write('a'); await turn(); stream.destroy(new RangeError('no'))")
    outcome = run_node(function, [event(), event()])
    assert len(outcome.posts) == 2
    assert error_of(outcome.posts[0])["errorType"] == "RangeError"


def test_a_long_error_is_told_without_its_trace(run_node):
    function = handler("stream.write('a'); throw new Error('x'.repeat(1e6))")
    error = error_of(run_node(function, [event()]).post)
    assert error == {"errorType": "Error", "errorMessage": "x" * 65536, "trace": []}


def test_a_source_that_fails_fails_the_response(run_node):
    function = handler(
        "const { pipeline } = require('node:stream/promises')",
        "await pipeline(async function* () { yield 'a'; await turn(); throw new RangeError('no') },"
        " stream)",
    )
    post = run_node(function, [event()]).post
    assert post.body == b"a"
    assert post.trailers[TYPE] == "RangeError"


def test_a_crash_in_the_middle_is_told_behind(run_node):
    function = handler(
        "stream.write('a'); setTimeout(() => { throw new RangeError('no') }, 5)",
        "await new Promise((resolve) => setTimeout(resolve, 10000))",
    )
    outcome = run_node(function, [event(), event()])
    assert outcome.post.trailers[TYPE] == "RangeError"
    assert outcome.status == 129


def test_a_handler_that_is_not_async_is_an_error(run_node):
    function = "exports.handler = awslambda.streamifyResponse((event, stream) => { stream.x = 1 })"
    outcome = run_node(function, [event()])
    assert outcome.post.json["errorType"] == "Runtime.MalformedStreamingHandler"


def test_what_is_too_large_is_cut_off_and_the_next_event_is_served(run_node):
    function = handler(
        "if (event) for (let i = 0; i < 50; i++) {"
        " if (!stream.write(Buffer.alloc(65536))) await new Promise((r) => stream.once('drain', r))"
        "}",
        "stream.end('end')",
    )
    outcome = run_node(function, [event(True), event(False)], limit=1_000_000)
    assert outcome.posts[1].body == b"end"


def test_a_refusal_while_it_is_written_stops_nothing_but_the_writing(run_node):
    function = handler("stream.write('a'); await turn(); stream.write('b'); stream.end()")
    answers = iter([TOO_LARGE, ACCEPTED])
    outcome = run_node(function, [event(), event()], answer=lambda exchange: next(answers))
    assert [post.body for post in outcome.posts] == [b"ab", b"ab"]
