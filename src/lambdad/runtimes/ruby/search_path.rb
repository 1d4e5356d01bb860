# frozen_string_literal: true

module LambdadRuntime
  # Where the function's files, its gems and those of its layers are looked for.
  module SearchPath
    # Go to the function, and put its directories before Ruby's own.
    def self.set_up(variables)
      root = variables['LAMBDA_TASK_ROOT'] || Dir.pwd
      Dir.chdir(root)
      version = "#{RUBY_VERSION[/\A\d+\.\d+/]}.0"
      variables['GEM_PATH'] ||= "#{root}/vendor/bundle/ruby/#{version}:/opt/ruby/gems/#{version}"
      variables['RUBYLIB'] ||= "#{root}:/var/runtime/lib:/opt/ruby/lib"
      libraries = variables['RUBYLIB'].split(':').reject(&:empty?)
      wanted = libraries.map { |path| File.expand_path(path) }
      wanted.unshift(root) unless wanted.include?(root)
      $LOAD_PATH.replace(wanted | $LOAD_PATH)
    end
  end
end
