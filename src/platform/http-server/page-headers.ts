/** Nothing but our own pictures and styles, and forms that come back to us. Structured data is no script that could run. */
export const pagePolicy = "default-src 'none'; img-src 'self' data:; style-src 'self'; form-action 'self'; base-uri 'none'";

/** What every page for readers carries, those that tell of an error included. */
export const pageSecurityHeaders = {
  // A page cannot say of itself, by a meta element, who may frame it.
  'content-security-policy': `${pagePolicy}; frame-ancestors 'none'`,
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'strict-origin-when-cross-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=(), payment=(), usb=(), browsing-topics=()',
  'cross-origin-opener-policy': 'same-origin',
  'x-frame-options': 'DENY',
} as const;
