-- SPDX-License-Identifier: Apache-2.0
-- Requests for wrk: balances, or with "post" events, each with an id of its own. Prints one row.
local threads = 0

function setup(thread)
    thread:set("number", threads)
    threads = threads + 1
end

function init(args)
    what, run, made = args[1], args[2], 0
    key = args[3] and args[3] ~= "" and { ["Authorization"] = "Bearer " .. args[3] } or {}
end

function request()
    if what ~= "post" then
        return wrk.format("GET", "/v1/parties/did:a/balance", key)
    end
    made = made + 1
    return wrk.format("POST", "/v1/events", key, string.format(
        '{"event_id":"%s-%d-%d","event_type":"revenue.received",' ..
        '"occurred_at":"2025-01-01T00:00:00Z","payload":{"policy":"urn:p",' ..
        '"amount":{"amount":"10.00","currency":"USD"}}}', run, number, made))
end

function done(summary, latency, requests)
    local e = summary.errors
    print(string.format("%.0f | %.2f | %.2f | %.1f | %d",
        summary.requests * 1e6 / summary.duration, latency:percentile(50) / 1000,
        latency:percentile(99) / 1000, latency.max / 1000,
        e.connect + e.read + e.write + e.status + e.timeout))
end
