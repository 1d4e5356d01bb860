"""What only Ruby has: a runtime of instructions, which would load from its sources unnoticed."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lambdad.launcher.languages import ruby
from lambdad.testing.server import LocalServer
from support.functions import DeployedFunction
from support.packages import make_zip

# Instructions are known as loaded before the first native library is.
CODE = """
def handler(event:, context:)
  names = $LOADED_FEATURES.map { |path| File.basename(path) }
  names.index('runtime.rb') < names.index('socket.so')
end
"""


@pytest.mark.slow
@pytest.mark.root
@pytest.mark.skipif(not ruby.find(), reason="this machine has no Ruby")
def test_sandboxes_have_the_instructions(
    deploy: Callable[..., DeployedFunction], namespaces_server: LocalServer
) -> None:
    package = make_zip({"app.rb": CODE})
    function = deploy(namespaces_server, package=package, Runtime="ruby3.3", Handler="app.handler")
    assert function.call({}) is True


# All of this goes over the event counters by which Ruby tells itself of signals.
SIGNALLING = """
require 'timeout'

def handler(event:, context:)
  heard = Queue.new
  trap('USR1') { heard << 'a signal' }
  sleeping = Thread.new { sleep }
  reading = Thread.new { IO.pipe.first.read }
  Thread.new { sleep(0.01) && Process.kill('USR1', Process.pid) }
  [heard.pop, *[sleeping, reading].map { |thread| !thread.kill.join(5).nil? },
   (Timeout.timeout(0.01) { sleep } rescue $!.class.name), `echo below`]
end
"""


@pytest.mark.slow
@pytest.mark.root
@pytest.mark.skipif(not ruby.find(), reason="this machine has no Ruby")
def test_signals_and_threads_work_in_what_was_forked(
    deploy: Callable[..., DeployedFunction], namespaces_server: LocalServer
) -> None:
    package = make_zip({"app.rb": SIGNALLING})
    function = deploy(namespaces_server, package=package, Runtime="ruby3.3", Handler="app.handler")
    for _ in range(3):
        said = function.call({})
        assert said == ["a signal", True, True, "Timeout::Error", "below\n"]
