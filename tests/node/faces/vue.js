/* SPDX-License-Identifier: Apache-2.0
 * <x402-pay> in Vue 3, with the plugin that tells Vue that it is an element. */
import { createApp, ref } from "/vue/vue.js";

const x402Pay = { install: app => { app.config.compilerOptions.isCustomElement = tag => tag === "x402-pay"; } };
const Article = {
    setup() {
        const text = ref("");
        const show = async event => { text.value = await event.detail.response.text(); };
        return { text, show };
    },
    template: `<p v-if="text" id="got">{{ text }}</p>
        <x402-pay v-else src="/paid" price="0.01 USDC" @x402-paid.prevent="show">Buy it in Vue</x402-pay>`,
};
createApp(Article).use(x402Pay).mount("#root");
