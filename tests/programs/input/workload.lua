-- Work for lua. The order of `pairs` depends on addresses, so nothing printed depends on it.

local state = 42
local function chance(n)
    state = (state * 1103515245 + 12345) & 0x7fffffff
    return (state >> 8) % n
end

local function checksum(text)
    local a, b = 1, 0
    for i = 1, #text do
        a = (a + text:byte(i)) % 65521
        b = (b + a) % 65521
    end
    return string.format("%d:%04x%04x", #text, b, a)
end

local function sorted_keys(t)
    local keys = {}
    for key in pairs(t) do keys[#keys + 1] = key end
    table.sort(keys, function(x, y) return tostring(x) < tostring(y) end)
    return keys
end

local function words()
    local t = {}
    for i = 1, 120000 do
        local letters = {}
        for k = 1, 2 + chance(4) do letters[k] = string.char(97 + chance(26)) end
        local word = table.concat(letters)
        t[word] = t[word] or { places = {}, n = 0 }
        t[word].n = t[word].n + 1
        t[word].places[#t[word].places + 1] = i
        if i % 1000 == 0 then t[word] = nil end
    end
    local parts = {}
    for _, key in ipairs(sorted_keys(t)) do
        parts[#parts + 1] = key .. t[key].n .. table.concat(t[key].places, ",")
    end
    print("words", #parts, checksum(table.concat(parts, ";")))
end

local function strings()
    local lines = {}
    for i = 1, 20000 do
        lines[i] = string.format("%05d name=%s value=%g %s", i, ("x"):rep(chance(60)), i / 7, ("ab"):rep(i % 90))
    end
    local text = table.concat(lines, "\n")
    local changed, n = text:gsub("name=(x*) value=(%S+)", function(name, value)
        return value:reverse() .. #name .. name:upper()
    end)
    print("changed", n, checksum(changed))
    local found = 0
    for a, b in changed:gmatch("(%d+)(X+)") do found = found + #a * #b end
    print("found", found)
    local packed = {}
    for i = 1, 20000 do packed[i] = string.pack("<i4dz", i, i / 3, "s" .. i) end
    local all, at, sum = table.concat(packed), 1, 0
    while at <= #all do
        local i, d, s
        i, d, s, at = string.unpack("<i4dz", all, at)
        sum = sum + i * #s + d
    end
    print("packed", #all, string.format("%.6f", sum))
    local grown = ""
    for i = 1, 6000 do grown = grown .. i end
    print("grown", checksum(grown))
end

local function trees(depth, rounds)
    local function build(d) if d == 0 then return {} end return { build(d - 1), build(d - 1), d } end
    local function count(t) return t[1] and 1 + count(t[1]) + count(t[2]) or 1 end
    local total, kept = 0, {}
    for i = 1, rounds do
        local tree = build(depth - i % 4)
        total = total + count(tree)
        kept[i % 7] = tree
    end
    print("trees", total)
end

local function sorting()
    local rows = {}
    for i = 1, 60000 do rows[i] = { i, chance(1000), tostring(chance(1 << 28)) } end
    table.sort(rows, function(x, y)
        if x[2] ~= y[2] then return x[2] < y[2] end
        if x[3] ~= y[3] then return x[3] > y[3] end
        return x[1] < y[1]
    end)
    local parts = {}
    for i, row in ipairs(rows) do parts[i] = row[3] end
    print("sorted", checksum(table.concat(parts, ",")))
end

local function coroutines()
    local workers, out = {}, {}
    for i = 1, 2000 do
        workers[i] = coroutine.wrap(function(limit)
            local held = {}
            for k = 1, limit do
                held[k] = i .. ":" .. k
                coroutine.yield(held[k])
            end
            return table.concat(held, "+")
        end)
    end
    for k = 1, 21 do
        for i = 1, 2000 do out[#out + 1] = workers[i](20) end
    end
    print("coroutines", #out, checksum(table.concat(out, " ")))
end

-- Tables that grow and shrink, weak tables, finalizers and values that are to be closed.
local function lifetimes()
    local closed, finalized, weak = 0, 0, setmetatable({}, { __mode = "k" })
    for i = 1, 30000 do
        local object = setmetatable({ i }, { __gc = function() finalized = finalized + 1 end })
        weak[object] = { ("w"):rep(i % 100) }
        do
            local guard <close> = setmetatable({}, { __close = function() closed = closed + 1 end })
        end
    end
    collectgarbage()
    collectgarbage()
    print("lifetimes", closed, finalized, next(weak))
    local queue, head, sum = {}, 1, 0
    for i = 1, 300000 do
        queue[#queue + 1] = i
        if i % 3 == 0 then
            sum = sum + table.remove(queue)
            queue[head] = false
            head = head + 1
        end
    end
    print("queue", #queue, head, sum)
end

-- What cannot be had must be refused cleanly, with the state intact.
local function refused()
    for _, size in ipairs { 1 << 45, 1 << 50, 1 << 55 } do
        local ok, message = pcall(string.rep, "x", size)
        print("refused", ok, message)
    end
    print("big", #string.rep("0123456789", 5000000))
end

for _, mode in ipairs { "incremental", "generational" } do
    collectgarbage(mode)
    words()
    strings()
    trees(15, 20)
    sorting()
    coroutines()
    lifetimes()
end
refused()
