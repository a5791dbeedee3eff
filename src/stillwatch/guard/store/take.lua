-- Takes from all budgets of one subject, or from none (GCRA). Keys are of one hash slot.
-- KEYS: budgets. ARGV: now, then interval, tolerance and cost for each key.
-- Returns which budget refused (0: none) and for how many seconds.
local now = tonumber(ARGV[1])
local wait, which, ends = 0, 0, {}
for i, key in ipairs(KEYS) do
  local at = 3 * i - 1
  local interval, tolerance = tonumber(ARGV[at]), tonumber(ARGV[at + 1])
  local begin = math.max(tonumber(redis.call('GET', key) or now), now)
  ends[i] = begin + tonumber(ARGV[at + 2]) * interval
  local over = math.min(ends[i] - now - tolerance, begin - now)
  if over > 1e-6 and over > wait then
    wait, which = over, i
  end
end
if which == 0 then
  for i, key in ipairs(KEYS) do
    local left = math.ceil((ends[i] - now) * 1000)
    redis.call('SET', key, string.format('%.6f', ends[i]), 'PX', left + 1000)
  end
end
return {which, tostring(wait)}
