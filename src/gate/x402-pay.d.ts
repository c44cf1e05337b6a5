/* SPDX-License-Identifier: Apache-2.0
 * Types of x402-pay.js: <x402-pay src="/article">, and its three events. */
export interface X402Offer {
    scheme: string;
    network: string;
    amount: string; /* smallest units of the asset */
    asset: string;
    payTo: string;
    maxTimeoutSeconds: number;
    extra?: Record<string, unknown>;
}
export interface X402Required {
    x402Version: number;
    error?: string;
    resource?: { url: string; description?: string; mimeType?: string };
    accepts: X402Offer[];
    extensions?: Record<string, unknown>;
}
export interface X402Settled {
    success: boolean;
    transaction: string;
    network: string;
    payer?: string;
    amount?: string;
    errorReason?: string;
}
export interface X402Wallet { /* EIP-1193 */
    request(question: { method: string; params?: unknown[] }): Promise<unknown>;
}
export interface X402Events {
    "x402-asked": CustomEvent<{ required: X402Required; offers: X402Offer[] }>;
    "x402-paid": CustomEvent<{ response: Response; settled: X402Settled | null }>;
    "x402-failed": CustomEvent<{ reason: string }>;
}
export class X402Pay extends HTMLElement {
    src: string;
    price: string;
    wallet: X402Wallet | null;
    choose: ((offers: X402Offer[]) => number) | null;
    pay(): Promise<Response | null>;
    addEventListener<K extends keyof X402Events>(type: K, listener: (this: X402Pay, e: X402Events[K]) => unknown,
        options?: boolean | AddEventListenerOptions): void;
    addEventListener<K extends keyof HTMLElementEventMap>(type: K,
        listener: (this: HTMLElement, e: HTMLElementEventMap[K]) => unknown, options?: boolean | AddEventListenerOptions): void;
    addEventListener(type: string, listener: EventListenerOrEventListenerObject, options?: boolean | AddEventListenerOptions): void;
}
declare global {
    interface HTMLElementTagNameMap {
        "x402-pay": X402Pay;
    }
}
