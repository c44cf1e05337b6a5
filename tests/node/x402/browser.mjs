// SPDX-License-Identifier: Apache-2.0
// A real browser opens URL and pays by the gate's page.   browser.mjs CHROMIUM URL     env: as chromium.mjs
// Prints one line of JSON: what the page shows before and after, and what the browser complained of.
import { open } from './chromium.mjs';

const [, , program, url] = process.argv;
const { asked, complaints, evaluate, until, go, close } = await open(program);
await go(url);
const price = await until('document.readyState === "complete" && document.querySelector(".price") && document.querySelector(".price").textContent');
await evaluate('document.getElementById("pay").click()');
const shown = await until('document.getElementById("paid").firstChild && document.getElementById("paid").innerHTML');
const state = await evaluate('document.getElementById("state").textContent');
const hidden = await evaluate('document.getElementById("ask").checkVisibility ? !document.getElementById("ask").checkVisibility() : document.getElementById("ask").hidden');
console.log(JSON.stringify({ price, shown, state, hidden, asked, complaints }));
close();
