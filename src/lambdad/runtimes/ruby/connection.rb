# frozen_string_literal: true

require 'io/nonblock'
require 'socket.so' # without the part in Ruby, which is not needed here

module LambdadRuntime
  # The few parts of HTTP/1.1 that the Runtime API needs, on one socket that is kept open.
  class Connection
    LOST = [EOFError, Errno::EPIPE, Errno::ECONNRESET].freeze

    # What the API said; names of headers are in lower case.
    Answer = Struct.new(:status, :headers, :body)

    def initialize(address)
      host, _, port = address.rpartition(':')
      @address = host.empty? ? [address, 80] : [host, Integer(port)]
      open
    end

    # Start anew, without whatever was under way.
    def reopen
      @socket.close
      open
    end

    # Write requests, or parts of them.
    def write(*parts)
      reopen if @is_over
      @socket.write(*parts)
    end

    # Wait for the answer of the oldest request that has none yet.
    def receive
      raise EOFError, 'the Runtime API closed the connection' if @is_over

      answer = receive_one
      answer = receive_one while answer.status < 200 # it only announces an answer
      @is_over = answer.headers['connection'].to_s.casecmp?('close')
      answer
    end

    private

    def open
      @socket = TCPSocket.new(*@address)
      @socket.setsockopt(Socket::IPPROTO_TCP, Socket::TCP_NODELAY, 1)
      @socket.nonblock = false # one system call waits and reads
      @is_over = false
    end

    def receive_one
      head = line("\r\n\r\n").force_encoding(Encoding::UTF_8).scrub
      status_line, *fields = head.split("\r\n")
      headers = fields.to_h { |field| parse(field) }
      Answer.new(status_line[9, 3].to_i, headers, body(headers))
    end

    def parse(field)
      name, _, value = field.partition(':')
      [name.downcase, value.strip]
    end

    def body(headers)
      return chunks.join if headers.key?('transfer-encoding')

      exactly(headers.fetch('content-length', 0).to_i)
    end

    def chunks
      pieces = []
      while (size = line("\r\n").hex).positive?
        pieces << exactly(size)
        line("\r\n")
      end
      nil until line("\r\n") == "\r\n" # trailers
      pieces
    end

    def line(ending)
      text = @socket.gets(ending)
      raise EOFError, 'the Runtime API closed the connection' unless text&.end_with?(ending)

      text
    end

    def exactly(size)
      data = @socket.read(size)
      raise EOFError, 'the Runtime API closed the connection' if data.nil? || data.bytesize < size

      data
    end
  end
end
