/** The name under which the script stands on a client. */
export const takeTokensCommand = 'aquasceneTakeTokens';

/** Microseconds: what Redis tells the time in. */
export const unitsPerMs = 1000;

/**
 * Takes `ARGV[1]` tokens from every bucket, or none from any. KEYS: the buckets. ARGV: the tokens, then of each bucket its
 * interval and its capacity in microseconds, and the tokens that are owed to it (or by it), which are taken in any case: a
 * bucket can be short of as much as it holds, and no more. Answers the number of the bucket that refused, 0 for none, and the backlog of each
 * in microseconds, rounded up. A negative number of tokens gives back.
 *
 * Time is the server's alone, so that no two clocks are compared. It is counted from 2026 on: a double then tells times apart
 * by less than 0.01 µs for decades, which keeps a bucket of 100,000 tokens a second exact to a thousandth.
 */
export const takeTokensScript = `
local clock = redis.call('TIME')
local now = (tonumber(clock[1]) - 1767225600) * 1000000 + tonumber(clock[2])
local tokens = tonumber(ARGV[1])
local function keep(key, backlog)
  redis.call('SET', key, string.format('%.17g', now + backlog), 'PX', math.ceil(backlog / 1000))
end
local stored = redis.call('MGET', unpack(KEYS))
local refusing = 0
local after = {}
local answer = {0}
for i = 1, #KEYS do
  local interval = tonumber(ARGV[3 * i - 1])
  local capacity = tonumber(ARGV[3 * i])
  local owed = tonumber(ARGV[3 * i + 1])
  local fullAt = now
  if stored[i] then fullAt = tonumber(stored[i]) end
  local backlog = math.min(2 * capacity, math.max(0, math.max(0, fullAt - now) + owed * interval))
  if owed ~= 0 and backlog > 0 then keep(KEYS[i], backlog) end
  after[i] = backlog + tokens * interval
  if refusing == 0 and tokens > 0 and after[i] > capacity + 0.001 * interval then refusing = i end
  answer[i + 1] = math.ceil(backlog)
end
if refusing > 0 then
  answer[1] = refusing
  return answer
end
for i = 1, #KEYS do
  if after[i] > 0 then
    keep(KEYS[i], after[i])
    answer[i + 1] = math.ceil(after[i])
  else
    redis.call('DEL', KEYS[i])
    answer[i + 1] = 0
  end
end
return answer
`;
