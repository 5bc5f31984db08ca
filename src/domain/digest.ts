// Digests for what must be found again but never kept in the clear: link tokens, recovery codes, throttle buckets.
import { hash } from 'node:crypto'

/** SHA-256 as base64url: 43 characters. Enough for random tokens; never for passwords. */
export const digest = (text: string): string => hash('sha256', text, 'base64url')
