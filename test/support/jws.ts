// Signed tokens and keys for tests: what an issuer signs, and what a forger would like to have signed.
import { createSign, generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto'
import type { JWK } from 'oidc-provider'

export type Alg = 'ES256' | 'RS256'
export type SigningKeys = Record<Alg, { kid: string; privateKey: KeyObject; jwk: JWK }>
export type Claims = Record<string, unknown>

const b64 = (value: unknown): string =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')

export function makeKeys(): SigningKeys {
  const kid = randomBytes(6).toString('hex')
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const entry = (alg: Alg, privateKey: KeyObject) => ({
    kid: `${alg}-${kid}`,
    privateKey,
    jwk: { ...privateKey.export({ format: 'jwk' }), kid: `${alg}-${kid}`, use: 'sig', alg } as JWK,
  })
  return { RS256: entry('RS256', rsa.privateKey), ES256: entry('ES256', ec.privateKey) }
}

/** A compact JWS over any header and payload. `der` writes an ECDSA signature as a JWS must not (RFC 7518 §3.4). */
export function signJws(header: Claims, payload: Claims, key: KeyObject, { der = false } = {}): string {
  const signed = `${b64(header)}.${b64(payload)}`
  const signature = createSign('SHA256')
    .update(signed)
    .sign({ key, dsaEncoding: der ? 'der' : 'ieee-p1363' })
  return `${signed}.${signature.toString('base64url')}`
}

export const readJws = (jws: string): { header: Claims; payload: Claims } => {
  const [header = '', payload = ''] = jws.split('.').map((part) => Buffer.from(part, 'base64url').toString())
  return { header: JSON.parse(header) as Claims, payload: JSON.parse(payload) as Claims }
}
