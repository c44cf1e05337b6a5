// What independent programs make of accounts and files: run in a folder with
//   npm install iso20022.js@0.0.15 ibantools@4.5.4
//   node make.mjs FOLDER   (FOLDER: this one, with the .xml files)
// The tests need neither npm nor this file.
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';

const require = createRequire(resolve('package.json'));
const ibantools = require('ibantools');
const { PaymentStatusReport, CashManagementEndOfDayReport } =
  await import(resolve('node_modules/iso20022.js/dist/index.mjs')); // require is broken there
const { XMLParser } = require('fast-xml-parser'); // comes with iso20022.js
const folder = process.argv[2] ?? '.';
const write = (name, value) =>
  writeFileSync(join(folder, name), JSON.stringify(value, null, 1) + '\n');

// one account for each country of the registry that ibantools knows, from the pattern it has
const fill = pattern => pattern.replace(/^\^|\$$/g, '')
  .replace(/\[([^\]]+)\](?:\{(\d+)\})?/g, (_, set, n, at) => {
    // where ibantools allows digits in a bank code, the registry often does not
    const code = set === 'A-Z' || (at === 0 && n <= 4);
    const letters = set === '0-9' ? '1234567890' : code ? 'ABCXYZ' : '7K2Z9A';
    return Array.from({ length: Number(n ?? 1) }, (_, i) => letters[i % letters.length]).join('');
  });
const countries = ibantools.getCountrySpecifications();
const good = [];
for (const code of Object.keys(countries).sort()) {
  const spec = countries[code];
  // overseas parts of France and Finland: the registry has them under FR and FI
  if (['AX', 'BL', 'GF', 'GP', 'MF', 'MQ', 'NC', 'PF', 'PM', 'RE', 'TF', 'WF', 'YT'].includes(code))
    continue;
  if (!spec.IBANRegistry || !spec.bban_regexp) continue;
  const iban = ibantools.composeIBAN({ countryCode: code, bban: fill(spec.bban_regexp) });
  if (iban && ibantools.isValidIBAN(iban)) good.push(iban);
}
const bad = good.map(s => s.slice(0, -1) + (s.endsWith('1') ? '2' : '1'))
  .filter(s => !ibantools.isValidIBAN(s));
write('ibans.json', { good, bad });

const bics = ['DEUTDEFF', 'DEUTDEFF500', 'NEDSZAJJXXX', 'COBADEFFXXX', 'ABNANL2A', 'BNPAFRPPXXX',
  'DEUTDEF', 'DEUTDEFF5', 'DEUTDEFF50', 'DEUT1EFF', '12345678', 'DEUTDEFF5000'];
write('bics.json', {
  good: bics.filter(b => ibantools.isValidBIC(b)), bad: bics.filter(b => !ibantools.isValidBIC(b)),
});

const text = name => readFileSync(join(folder, name), 'utf8');
const status = PaymentStatusReport.fromXML(text('pain002.xml'));
write('pain002.json', {
  messageId: status.messageId,
  originalMessageId: status.originalMessageId,
  statusInformations: status.statusInformations,
});

const report = CashManagementEndOfDayReport.fromXML(text('camt053.xml'));
write('camt053.json', report.statements.map(s => ({
  id: s.id,
  account: s.account.iban,
  balances: s.balances.map(b => ({ type: b.type, amount: b.amount, currency: b.currency,
    direction: b.creditDebitIndicator })),
  entries: s.entries.map(e => ({
    reference: e.referenceId ?? null, amount: e.amount, currency: e.currency,
    direction: e.creditDebitIndicator, // its `reversal` is false whatever the file says
    transactions: e.transactions.map(t => ({ // it does not read EndToEndId
      messageId: t.messageId ?? '', paymentInformationId: t.paymentInformationId ?? '',
      returnReason: t.returnReason?.Cd ?? t.returnReason ?? '',
    })),
  })),
})));

// iso20022.js 0.0.15 reads no pain.001; its XML parser does
const xml = new XMLParser({ ignoreAttributes: false, parseTagValue: false })
  .parse(text('pain001.xml')).Document;
const pay = xml.CstmrCdtTrfInitn.PmtInf;
write('pain001.json', {
  namespace: xml['@_xmlns'],
  id: xml.CstmrCdtTrfInitn.GrpHdr.MsgId,
  count: xml.CstmrCdtTrfInitn.GrpHdr.NbOfTxs,
  sum: xml.CstmrCdtTrfInitn.GrpHdr.CtrlSum,
  debtor: pay.DbtrAcct.Id.IBAN,
  debtorIsIban: ibantools.isValidIBAN(pay.DbtrAcct.Id.IBAN),
  transfers: [pay.CdtTrfTxInf].flat().map(t => ({
    id: t.PmtId.EndToEndId,
    amount: t.Amt.InstdAmt['#text'],
    currency: t.Amt.InstdAmt['@_Ccy'],
    creditor: t.Cdtr.Nm,
    iban: t.CdtrAcct.Id.IBAN,
    isIban: ibantools.isValidIBAN(t.CdtrAcct.Id.IBAN),
    bic: t.CdtrAgt?.FinInstnId.BIC ?? '',
    note: t.RmtInf?.Ustrd ?? '',
  })),
});
