# Counts with redis-rb.
require "redis"

$stdout.sync = true
puts "version #{Redis::VERSION}"

ca = ENV["CA"]
sentinels = ENV["SENTINELS"].split.map do |addr|
  host, port = addr.split(":")
  { host: host, port: port.to_i, password: ENV["SENTINEL_PASSWORD"] }
end
redis = Redis.new(
  url: "#{ca ? "rediss" : "redis"}://#{ENV["MASTER"]}", sentinels: sentinels, role: :master,
  password: ENV["PASSWORD"], timeout: 1, ssl_params: ca ? { ca_file: ca } : {}
)
loop do
  begin
    puts "ok #{redis.incr(ENV["KEY"])}"
  rescue StandardError => e
    puts "error #{e.class} #{e.message.tr("\n", " ")}"
  end
  sleep ENV["EVERY"].to_f
end
