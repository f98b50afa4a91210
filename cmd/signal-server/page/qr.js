// QR codes: a module of its own, which the page loads when one is asked for. The licence of uqr is in web/LICENSE.

export { encode } from "uqr";
