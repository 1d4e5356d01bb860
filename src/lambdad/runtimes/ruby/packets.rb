# frozen_string_literal: true

require 'json'
require 'socket'

module LambdadRuntime
  # How a zygote and the launcher talk: a packet is a JSON object, and the descriptors that came
  # with it.
  class Packets
    LARGEST = 131_072
    LARGEST_RIGHTS = 1024 # without a limit, each packet would be looked at first, and its files twice

    attr_reader :socket

    def initialize(socket)
      @socket = socket
    end

    def send(message, *files)
      rights = [Socket::AncillaryData.unix_rights(*files)] unless files.empty?
      @socket.sendmsg(JSON.generate(message), 0, nil, *rights)
    end

    # The next message and the files that came with it; nil when the other side is gone.
    def receive
      text, _, _, *ancillary = @socket.recvmsg(LARGEST, 0, LARGEST_RIGHTS, scm_rights: true)
      return if text.nil? || text.empty?

      [JSON.parse(text), ancillary.flat_map(&:unix_rights)]
    rescue Errno::ECONNRESET
      nil
    end

    def close
      @socket.close
    end
  end
end
