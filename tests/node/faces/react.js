/* SPDX-License-Identifier: Apache-2.0
 * <x402-pay> in React 19. `require` is of the test: React's own files, as npm has them. */
const { createElement, useState } = require("react");
const { createRoot } = require("react-dom/client");

function Article() {
    const [text, setText] = useState("");
    const show = async event => {
        event.preventDefault(); /* the page shows it itself */
        setText(await event.detail.response.text());
    };
    return text ? createElement("p", { id: "got" }, text)
        : createElement("x402-pay", { src: "/paid", price: "0.01 USDC", "onx402-paid": show }, "Buy it in React");
}
createRoot(document.getElementById("root")).render(createElement(Article));
