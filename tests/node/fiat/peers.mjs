// SPDX-License-Identifier: Apache-2.0
// Bank files of mete and of its double beside programs by others: iso20022.js 0.0.15 writes a
// pain.001 of the same payments and reads camt.053. It has no reader of pain.001, and that of
// pain.002 knows no PART, so those are not asked. ibantools judges each IBAN.
// usage: node peers.mjs PAIN001 REPORT...   prints one JSON object
import fs from "node:fs";
import { XMLParser } from "fast-xml-parser";
import * as ibantools from "ibantools";
import * as iso from "iso20022.js";

const parser = new XMLParser({ ignoreAttributes: false, parseTagValue: false,
                               isArray: (name) => ["CdtTrfTxInf", "PmtInf"].includes(name) });

function payments(xml) {
    const root = parser.parse(xml).Document.CstmrCdtTrfInitn;
    const cents = (text) => Math.round(Number(text) * 100);
    return {
        count: Number(root.GrpHdr.NbOfTxs),
        sum: root.GrpHdr.CtrlSum === undefined ? null : cents(root.GrpHdr.CtrlSum),
        rows: root.PmtInf.flatMap((p) => p.CdtTrfTxInf).map((t) => ({
            id: t.PmtId.EndToEndId,
            cents: cents(t.Amt.InstdAmt["#text"]),
            currency: t.Amt.InstdAmt["@_Ccy"],
            name: t.Cdtr.Nm,
            iban: t.CdtrAcct.Id.IBAN,
            order: Object.keys(t).filter((k) => ["PmtId", "Amt", "Cdtr", "CdtrAcct", "RmtInf"].includes(k)),
        })),
    };
}

function written(rows) {
    const party = { name: "Mete + Co", id: "METE", account: { iban: "DE75512108001245126199" },
                    agent: { bic: "COBADEFFXXX", bankAddress: { country: "DE" } } };
    const instructions = rows.map((r) => ({
        type: "swift", direction: "credit", endToEndId: r.id, amount: r.cents, currency: r.currency,
        creditor: { name: r.name, account: { iban: r.iban }, agent: { bic: "ABNANL2A" },
                    address: { country: r.iban.slice(0, 2) } },
    }));
    return new iso.ISO20022({ initiatingParty: party })
        .createSWIFTCreditPaymentInitiation(instructions).toString();
}

const [file, ...reports] = process.argv.slice(2);
const ours = payments(fs.readFileSync(file, "utf8"));
const theirs = payments(written(ours.rows));
const out = { ours, theirs, bad_ibans: ours.rows.filter((r) => !ibantools.isValidIBAN(r.iban)),
              movements: [] };
for (const report of reports) {
    const xml = fs.readFileSync(report, "utf8");
    if (xml.includes("camt.053")) {
        // It cannot do without the account's bank, which may be left out.
        const read = iso.CashManagementEndOfDayReport.fromXML(xml.replace("</Ccy></Acct>",
            "</Ccy><Svcr><FinInstnId><BIC>COBADEFFXXX</BIC></FinInstnId></Svcr></Acct>"));
        out.movements.push(...read.entries.map((e) => [e.creditDebitIndicator, e.amount]));
    }
}
console.log(JSON.stringify(out));
