# Does what its event says, {"do": …}: the same in every language.

require 'logger'
require 'openssl'
require 'socket'

class NoSuchLuck < StandardError; end

PIECE = 8 << 20
HELD = []
LOG = Logger.new($stdout)
$count = 0

def troublemaker(message)
  raise ArgumentError, message
end

def tell(context)
  {
    request_id: context.aws_request_id,
    function_name: context.function_name,
    version: context.function_version,
    arn: context.invoked_function_arn,
    memory: context.memory_limit_in_mb,
    log_group: context.log_group_name,
    log_stream: context.log_stream_name,
    remaining_ms: context.get_remaining_time_in_millis
  }
end

def allocate(size)
  HELD << ("x" * PIECE) while HELD.size * PIECE < size
  'held'
end

def write_files
  File.write('/tmp/ruby', 'written')
  { tmp: File.read('/tmp/ruby') == 'written', task: task_error }
end

def task_error
  File.write(File.join(ENV['LAMBDA_TASK_ROOT'], 'ruby'), 'written')
  nil
rescue SystemCallError => e
  e.class.name
end

def resolve(host)
  IPSocket.getaddress(host)
rescue SocketError => e
  { error: e.class.name }
end

def count_authorities
  file = ENV['SSL_CERT_FILE'] || OpenSSL::X509::DEFAULT_CERT_FILE
  return File.read(file).scan('BEGIN CERTIFICATE').size if File.file?(file)

  Dir.glob(File.join(OpenSSL::X509::DEFAULT_CERT_DIR, '*.0')).size
end

def run_child(command)
  IO.popen(['/bin/sh', '-c', command], &:read).strip
end

DEEDS = {
  'echo' => proc { |event| event['value'] },
  'context' => proc { |_, context| tell(context) },
  'count' => proc { $count },
  'environment' => proc { |event| event['names'].to_h { |name| [name, ENV[name]] } },
  'big' => proc { |event| 'x' * event['size'] },
  'size' => proc { |event| event['text'].length },
  'fail' => proc { |event| troublemaker(event['message']) },
  'custom' => proc { |event| raise NoSuchLuck, event['message'] },
  'sleep' => proc { |event| sleep(event['ms'] / 1000.0) && 'slept' },
  'allocate' => proc { |event| allocate(event['mb'] << 20) },
  'exit' => proc { |event| exit!(event['status']) },
  'print' => proc { |event| puts(event['lines']) || 'printed' },
  'log' => proc { |event| LOG.add(Logger.const_get(event['level']), event['message']) && 'logged' },
  'unserializable' => proc { Float::NAN },
  'files' => proc { write_files },
  'clock' => proc { { zone: Time.now.zone, hour_offset: Time.now.utc_offset / 60 } },
  'text' => proc do |event|
    { encoding: Encoding.default_external.name, length: event['text'].length }
  end,
  'resolve' => proc { |event| resolve(event['host']) },
  'tls' => proc { count_authorities },
  'child' => proc { |event| run_child(event['command'] || 'echo $NAME') },
  'sigterm' => proc { at_exit { puts 'goodbye' } && 'ready' },
  'layer' => proc { require('luck') && Luck::WORD }
}.freeze

def handler(event:, context:)
  $count += 1
  DEEDS.fetch(event['do']).call(event, context)
end
