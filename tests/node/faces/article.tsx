/* SPDX-License-Identifier: Apache-2.0
 * The types of x402-pay.d.ts in use: tsc has nothing to say of this file. */
import type { X402Events, X402Pay } from "../../../src/gate/x402-pay.js";
import { useState, type DetailedHTMLProps, type HTMLAttributes } from "react";

declare module "react" {
    namespace JSX {
        interface IntrinsicElements {
            "x402-pay": DetailedHTMLProps<HTMLAttributes<X402Pay>, X402Pay> & {
                src: string; price?: string; "onx402-paid"?: (event: X402Events["x402-paid"]) => void;
            };
        }
    }
}
export function Article() {
    const [text, setText] = useState("");
    const show = async (event: X402Events["x402-paid"]) => setText(await event.detail.response.text());
    return text ? <p>{text}</p> : <x402-pay src="/paid" price="0.01 USDC" onx402-paid={show}>Buy it</x402-pay>;
}
export async function bought(): Promise<string | undefined> {
    const element = document.createElement("x402-pay");
    element.src = "/paid";
    element.choose = offers => offers.findIndex(offer => offer.network === "eip155:8453");
    element.addEventListener("x402-failed", event => console.log(event.detail.reason.length));
    element.addEventListener("x402-asked", event => console.log(event.detail.required.accepts.length));
    return (await element.pay())?.text();
}
