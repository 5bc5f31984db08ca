// Seals secrets at rest: AES-256-GCM under one key from a file. The context is authenticated with the value, so a sealed
// TOTP secret copied onto another account does not open there.
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'
import { AppError } from '../../src/domain/errors.ts'
import type { Vault } from '../../src/ports.ts'

const FORM = 'v1'

/** A vault on a key of 32 bytes, given as base64url. Throws `invalid_value` for any other key. */
export function openVault(keyText: string): Vault {
  const key = Buffer.from(keyText.trim(), 'base64url')
  if (key.length !== 32)
    throw new AppError('invalid_value', { field: 'secretKey', detail: 'the secret key must be 32 bytes as base64url' })
  return {
    derive: (purpose) => Buffer.from(hkdfSync('sha256', key, '', `schedar ${purpose}`, 32)).toString('base64url'),
    seal(plain, context) {
      const nonce = randomBytes(12)
      const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(context))
      const sealed = Buffer.concat([cipher.update(plain, 'utf8'), cipher.final()])
      return [FORM, Buffer.concat([nonce, sealed, cipher.getAuthTag()]).toString('base64url')].join('.')
    },
    open(sealed, context) {
      const bytes = Buffer.from(sealed.slice(FORM.length + 1), 'base64url')
      try {
        const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, 12))
          .setAAD(Buffer.from(context))
          .setAuthTag(bytes.subarray(-16))
        return decipher.update(bytes.subarray(12, -16), undefined, 'utf8') + decipher.final('utf8')
      } catch (cause) {
        throw new AppError('unexpected', {
          detail: `a sealed secret (${context.split(':')[0]}) does not open: was secret.key replaced?`,
          cause,
        })
      }
    },
  }
}
