# frozen_string_literal: true

# The least that a function can do. The count tells a cold invocation, 1, from a warm one.

$count = 0

def handler(event:, context:)
  $count += 1
  { count: $count }
end
