-- Moves budgets of one subject, also into debt; negative cost gives back.
-- KEYS: budgets. ARGV: now, then interval and cost for each key.
local now = tonumber(ARGV[1])
for i, key in ipairs(KEYS) do
  local begin = math.max(tonumber(redis.call('GET', key) or now), now)
  local full = begin + tonumber(ARGV[2 * i + 1]) * tonumber(ARGV[2 * i])
  if full > now then
    local left = math.ceil((full - now) * 1000)
    redis.call('SET', key, string.format('%.6f', full), 'PX', left + 1000)
  else
    redis.call('DEL', key)
  end
end
return 0
