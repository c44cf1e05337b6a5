// SPDX-License-Identifier: Apache-2.0
// A real browser opens pages with <x402-pay>, presses its button, and says what came of it.
//   faces.mjs CHROMIUM URL...     env: as chromium.mjs, PRESSES (1), MOVES: the element is moved before the last press and after it
// Each page shows in #got what was bought, or nothing where the element itself shows it. One line of JSON.
import { open } from './chromium.mjs';

const [, , program, ...urls] = process.argv;
const { asked, complaints, evaluate, until, go, close } = await open(program);
const part = (name) => `(document.querySelector("x402-pay")?.shadowRoot?.querySelector("[part=${name}]"))`;
const told = [];
for (const url of urls) {
    const before = asked.length;
    await go(url);
    await until(`location.href === ${JSON.stringify(url)} && document.readyState === "complete"`);
    await until(`${part('button')} && (!${part('button')}.disabled || ${part('state')}.textContent)`);
    const price = await evaluate(`${part('price')}.textContent`);
    const label = await evaluate('document.querySelector("x402-pay").textContent');
    for (let i = 1; i < Number(process.env.PRESSES ?? 1); i++) { // before the last one
        await evaluate(`${part('button')}.click()`);
        await until(`!${part('button')}.disabled && ${part('state')}.textContent`);
    }
    const move = () => process.env.MOVES && evaluate('document.body.append(document.createElement("p")); document.body.lastChild.append(document.querySelector("x402-pay"))');
    await move();
    await evaluate(`${part('button')}.click()`);
    const said = () => until(`document.getElementById("got")?.textContent || ${part('content')}.textContent || ${part('content')}.firstChild?.srcdoc
        || !${part('state')}.textContent.endsWith("\u2026") && ${part('state')}.textContent`);
    await said();
    await move();
    const got = await said();
    const sandbox = await evaluate(`${part('content')}.firstChild?.getAttribute?.("sandbox")`);
    told.push({ price, label, got, sandbox, hidden: await evaluate(`${part('button')}.hidden`), asked: asked.slice(before) });
}
console.log(JSON.stringify({ told, complaints }));
close();
