# SPDX-License-Identifier: Apache-2.0
"""covers: F-050
Rates of exchange over HTTP: a file is taken over as a whole or not at all."""
from served import Served, done, equal, ok

FILE = """<?xml version="1.0" encoding="UTF-8"?>
<gesmes:Envelope xmlns:gesmes="http://www.gesmes.org/xml/2002-08-01"
 xmlns="http://www.ecb.int/vocabulary/2002-08-01/eurofxref"><Cube>%s</Cube></gesmes:Envelope>"""


def day(date, **rates):
    cubes = "".join(f"<Cube currency='{c}' rate='{r}'/>" for c, r in sorted(rates.items()))
    return f"<Cube time='{date}'>{cubes}</Cube>"


def take(s, *days):
    return s.post("/v1/fx/rates", FILE % "".join(days), headers={"Content-Type": "application/xml"})


def rates(s):
    return [(r["quote"], r["rate"]) for r in s.get("/v1/fx/rates")[2]["rates"]]


with Served() as server:
    long = "0" * 90 + "1.5"  # a number, but longer than the log takes
    for bad in (day("2025-01-02", GBP="0.8", JPY=long, USD="1.1"),
                day("2025-01-02", USD="1.1") + day("2025-01-03", JPY=long)):
        status, _, answer = take(server, bad)
        equal((status, answer.get("code") != "bank_file"), (422, True), "a rate that the log cannot have")
        equal(rates(server), [], "refuses the whole file")
    status, _, answer = take(server, day("2025-01-02", USD="1.1") + day("2025-01-03", USD="1.2", JPY="160"))
    equal((status, answer["set"], answer["known"]), (200, 3, 0), "a good one is taken over")
    equal(rates(server), [("JPY", "160"), ("USD", "1.2")], "the newest holds")
    status, _, answer = take(server, day("2025-01-02", USD="1.1") + day("2025-01-03", USD="1.2", GBP="0.8"))
    equal((status, answer["set"], answer["known"]), (200, 1, 2), "what is known is not set again")
    head = server.get("/v1/log/checkpoint")[2]
    equal(take(server, day("2025-01-04", GBP="0.9", JPY=long))[0], 422, "one that goes on with a bad one")
    equal((server.get("/v1/log/checkpoint")[2], rates(server)[0]), (head, ("GBP", "0.8")), "adds nothing to the log")
    ok(take(server, "")[0] in (200, 422), "a file without a day is no failure of the server")
done()
