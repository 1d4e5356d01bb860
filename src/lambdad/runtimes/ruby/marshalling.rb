# frozen_string_literal: true

require 'json'
require 'stringio'

module LambdadRuntime
  # Events come as JSON and results leave as such, unless they say that they are something else.
  module Marshalling
    JSON_TYPE = 'application/json'
    UNKNOWN_TYPE = 'application/unknown'

    def self.unmarshal(body, content_type)
      content_type == JSON_TYPE ? JSON.parse(body.force_encoding(Encoding::UTF_8)) : body
    end

    # The bytes of a result, and their content type.
    def self.marshal(result)
      bytes, type =
        case result
        when StringIO, IO then [result.read, UNKNOWN_TYPE]
        else [result.to_json, JSON_TYPE]
        end
      [String(bytes), type] # a method of the function's own may give anything
    end
  end
end
