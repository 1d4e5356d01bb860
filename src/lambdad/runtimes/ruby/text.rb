# frozen_string_literal: true

module LambdadRuntime
  # What a function calls text may be bytes, or in any encoding, or broken.
  module Text
    # As JSON and the log can take it.
    def self.utf_8(value)
      text = value.to_s
      text = text.dup.force_encoding(Encoding::UTF_8) if text.encoding == Encoding::BINARY
      text.encode(Encoding::UTF_8, invalid: :replace, undef: :replace).scrub
    end
  end
end
