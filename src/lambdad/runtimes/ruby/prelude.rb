# frozen_string_literal: true

require 'monitor'

module LambdadRuntime
  # What Ruby usually loads before any program, and what takes three quarters of its start: RubyGems
  # and the suggestions in messages of errors. The runtime starts without them, and loads them
  #
  #   at once     when there are gems in the directories of the function and its layers, of which
  #               any `require` might mean one
  #   later       when something is required that is not there, when a `NameError` is read, or when
  #               they are named
  #   ahead       in a process that waits for its function anyway
  module Prelude
    RUBYGEMS = 'rubygems'
    LIBRARIES = [RUBYGEMS, 'error_highlight', 'did_you_mean'].freeze
    OF_RUBYGEMS = %r{\A(?:rubygems|bundler)(?:/|\z)}.freeze
    LOCK = Monitor.new

    class << self
      # Load it if there are gems in the directories of `gem_path`, else prepare to load it later.
      def set_up(gem_path)
        if defined?(::Gem)
          @is_loaded = true
          find_gems_anew
        elsif gem_path.split(':').any? { |path| File.directory?("#{path}/specifications") }
          load
        else
          load_when_needed
        end
      end

      # Load it now.
      def load
        LOCK.synchronize do
          return if @is_loaded

          @is_loaded = true
          LIBRARIES.each { |library| load_library(library) }
          find_gems_anew
        end
      end

      def loaded?
        @is_loaded
      end

      private

      def load_library(name)
        require(name)
      rescue LoadError
        nil # neither all versions nor all builds of Ruby have all of them
      end

      # By variables that have come since; the interpreter's own gems are found last.
      def find_gems_anew
        Gem.clear_paths
        Gem.paths = { 'GEM_PATH' => [ENV['GEM_PATH'], *Gem.default_path].compact.join(':') }
      end

      def load_when_needed
        Object.autoload(:Gem, RUBYGEMS)
        [NameError, KeyError].each { |error| error.prepend(LateSuggestions) }
        Kernel.module_eval do
          alias_method :require_without_gems, :require
          alias_method :require, :require_with_gems_on_demand
          alias_method :gem, :gem_on_demand
          private :require_without_gems, :require, :gem
        end
      end
    end

    # Their messages suggest what might have been meant.
    module LateSuggestions
      def to_s
        return super if Prelude.loaded?

        Prelude.load
        to_s
      end
    end
  end
end

# RubyGems puts methods of its own before these, or in their place.
module Kernel
  private

  def require_with_gems_on_demand(path)
    return require_without_gems(path) if LambdadRuntime::Prelude.loaded?

    if LambdadRuntime::Prelude::OF_RUBYGEMS.match?(path.to_s)
      LambdadRuntime::Prelude.load
      # An autoload must hear that there is something new.
      return require(path) || path == LambdadRuntime::Prelude::RUBYGEMS
    end

    begin
      require_without_gems(path)
    rescue LoadError => e
      raise if e.path != path.to_s || LambdadRuntime::Prelude.loaded?

      LambdadRuntime::Prelude.load
      require(path)
    end
  end

  def gem_on_demand(name, *requirements)
    LambdadRuntime::Prelude.load
    gem(name, *requirements)
  end
end
