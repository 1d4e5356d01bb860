# frozen_string_literal: true

module LambdadRuntime
  # The function's handler, by its name: `file.method` or `file.Class.method`.
  class Handler
    # Load the file.
    def self.load(name)
      parts = name.split('.')
      unless [2, 3].include?(parts.size)
        raise ArgumentError, "Invalid handler '#{name}': it is neither FILE.METHOD, where the file " \
                             'FILE.rb defines the method, nor FILE.CLASS.METHOD with a method of ' \
                             'a class or module'
      end

      require parts.first
      new(parts.size == 3 ? parts[1] : nil, parts.last)
    end

    def initialize(class_name, method_name)
      @class_name = class_name
      @method_name = method_name
      @main = Object.new # every object has the methods that a file defines outside of classes
    end

    # Whether the class and the method are there shows at the first invocation.
    def call(event, context)
      receiver = @class_name ? Kernel.const_get(@class_name) : @main
      receiver.__send__(@method_name, event: event, context: context)
    end
  end
end
