# The function of the contract's tests in Ruby: tells what it finds.

DEEDS = {
  'describe' => proc do
    { pid: Process.pid, uid: Process.uid, directory: Dir.pwd, options: ENV['RUBYOPT'], names: ENV.keys }
  end,
  'read' => proc { |path:| File.read(path) },
  'descriptors' => proc { Dir.children('/proc/self/fd').size },
  'tick' => proc do
    Thread.new { loop { puts('tick') && sleep(0.001) } }
    nil
  end,
  'tick_below' => proc { spawn('while :; do echo tick; sleep 0.001; done') }
}.freeze

def handler(event:, context:)
  puts "got #{event.to_json}"
  return event unless event.is_a?(Hash) && event.key?('do')

  DEEDS.fetch(event['do']).call(**event.fetch('with', {}).transform_keys(&:to_sym))
end
