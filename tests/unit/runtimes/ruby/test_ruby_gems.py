"""Gems: the function's, its layers', Ruby's own; and what of Ruby is loaded late."""

from __future__ import annotations

import pytest
from ruby_under_test import STARTS
from scripted_api import event

BUNDLE = "vendor/bundle/ruby/X/"
LUCKY = {
    BUNDLE + "specifications/lucky-1.2.3.gemspec": (
        "Gem::Specification.new { |s| s.name = 'lucky'; s.version = '1.2.3'; s.summary = ''; "
        "s.authors = ['we']; s.files = ['lib/lucky.rb']; s.require_paths = ['lib'] }"
    ),
    BUNDLE + "gems/lucky-1.2.3/lib/lucky.rb": "module Lucky\nNUMBER = 7\nend\n",
}
GEMFILE = {
    "Gemfile": "gem 'lucky'\n",
    "Gemfile.lock": "GEM\n  specs:\n    lucky (1.2.3)\n\nPLATFORMS\n  ruby\n\n"
    "DEPENDENCIES\n  lucky\n",
    ".bundle/config": '---\nBUNDLE_PATH: "vendor/bundle"\n',
}


def handler(statement):
    return f"def handler(event:, context:)\n{statement}\nend\n"


@pytest.fixture
def run_with_gems(run_ruby):
    """Run a function with files of gems, where X stands for the version of the interpreter."""
    version = run_ruby(handler("RUBY_VERSION"), [event()]).results()[0]
    directory = ".".join(version.split(".")[:2]) + ".0"

    def run(function, *parts, **more):
        named = {"app.rb": function}
        for part in parts:
            named.update({name.replace("/X/", f"/{directory}/"): part[name] for name in part})
        return run_ruby(named, [event()], **more)

    return run


@pytest.mark.parametrize("command", STARTS.values(), ids=STARTS)
def test_gems_of_the_package_are_found(run_with_gems, command):
    function = "require 'lucky'\n" + handler("Lucky::NUMBER")
    assert run_with_gems(function, LUCKY, command=command).results() == [7]


@pytest.mark.parametrize("command", STARTS.values(), ids=STARTS)
def test_bundler_works(run_with_gems, command):
    function = "require 'bundler/setup'\nBundler.require\n" + handler("Lucky::NUMBER")
    home = {"HOME": "/tmp"}
    assert run_with_gems(function, LUCKY, GEMFILE, command=command, variables=home).results() == [7]


def test_gems_of_a_layer_are_found(run_with_gems, tmp_path):
    layer = {name.replace("vendor/bundle/ruby/X", "layer"): text for name, text in LUCKY.items()}
    variables = {"GEM_PATH": str(tmp_path / "task/layer")}
    function = "gem 'lucky', '~> 1.0'\nrequire 'lucky'\n" + handler("Lucky::NUMBER")
    assert run_with_gems(function, layer, variables=variables).results() == [7]


LATE = {
    "without any need": ("1", None),
    "when it is named": ("Gem::VERSION; 1", True),
    "when a part is required": ("require 'rubygems/version'; 1", True),
    "when something is missing": ("begin; require 'nothing'; rescue LoadError; 1; end", True),
    "when a gem is asked for": ("begin; gem 'nothing'; rescue LoadError; 1; end", True),
    "when a name is missing": ("begin; oops; rescue NameError => e; e.message; 1; end", True),
}


@pytest.mark.parametrize(("statement", "is_loaded"), LATE.values(), ids=LATE)
def test_rubygems_is_loaded_when_it_is_needed(run_ruby, statement, is_loaded):
    function = handler(f"one = begin; {statement}; end\n[one, LambdadRuntime::Prelude.loaded?]")
    assert run_ruby(function, [event()]).results() == [[1, is_loaded]]


def test_errors_suggest_what_might_have_been_meant(run_ruby):
    outcome = run_ruby(handler("[1].frist"), [event()])
    assert "Did you mean?  first" in outcome.post.json["errorMessage"]


def test_what_others_make_of_require_stays_when_rubygems_is_loaded_late(run_ruby):
    function = """
    $required = []
    module Kernel
      alias_method :require_quietly, :require
      def require(path)
        $required << path
        require_quietly(path)
      end
    end
    Gem::VERSION
    require 'set'
    """
    outcome = run_ruby(function + handler("$required.include?('set')"), [event()])
    assert outcome.results() == [True]
