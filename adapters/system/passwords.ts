// Argon2id at OWASP's parameters. Token signing shares the threads of the pool with argon2, so never more hashes run than
// there are cores; the rest wait, and past a limit are turned away.
import { randomBytes, timingSafeEqual } from 'node:crypto'
import { availableParallelism } from 'node:os'
import { hash as argon2, argon2id } from 'argon2'
import { AppError } from '../../src/domain/errors.ts'
import type { Passwords } from '../../src/ports.ts'

type Parameters = { memoryCost: number; timeCost: number; parallelism: number }

/** OWASP Password Storage Cheat Sheet: m in KiB. */
const current: Parameters = { memoryCost: 19456, timeCost: 2, parallelism: 1 }

/** Hashes that wait at most; beyond, `busy`. At 30 hashes a second and core this is a wait of a few seconds. */
const LONGEST_QUEUE = 200

/** Hashing a longer password would only serve to keep the server busy. */
const LONGEST_PASSWORD = 1024

const base64 = (bytes: Buffer): string => bytes.toString('base64').replace(/=+$/, '')

/** PHC string in the canonical order m,t,p, which libargon2 and libsodium insist on. */
const encode = ({ memoryCost, timeCost, parallelism }: Parameters, salt: Buffer, digest: Buffer): string =>
  `$argon2id$v=19$m=${memoryCost},t=${timeCost},p=${parallelism}$${base64(salt)}$${base64(digest)}`

function decode(phc: string): { parameters: Parameters; salt: Buffer; digest: Buffer } | undefined {
  const [, memory, time, parallelism, salt, digest] =
    /^\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,3}),p=(\d{1,2})\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/.exec(phc) ?? []
  if (!salt || !digest) return undefined
  return {
    parameters: { memoryCost: Number(memory), timeCost: Number(time), parallelism: Number(parallelism) },
    salt: Buffer.from(salt, 'base64'),
    digest: Buffer.from(digest, 'base64'),
  }
}

/** `atOnce` hashes in flight: the number of cores unless a test says otherwise. */
export function openPasswords(atOnce = availableParallelism()): Passwords {
  let running = 0
  const waiting: (() => void)[] = []

  async function digestOf(password: string, salt: Buffer, parameters: Parameters, hashLength = 32): Promise<Buffer> {
    if (waiting.length >= LONGEST_QUEUE) throw new AppError('busy', { detail: 'too many passwords are being checked' })
    if (running >= atOnce) await new Promise<void>((resolve) => waiting.push(resolve))
    else running++
    try {
      return await argon2(password.normalize('NFC').slice(0, LONGEST_PASSWORD), {
        type: argon2id,
        raw: true,
        salt,
        hashLength,
        ...parameters,
      })
    } finally {
      const next = waiting.shift()
      if (next) next()
      else running--
    }
  }

  return {
    hash: async (password) => {
      const salt = randomBytes(16)
      return encode(current, salt, await digestOf(password, salt, current))
    },
    verify: async (phc, password) => {
      const stored = decode(phc)
      if (!stored) return { ok: false, outdated: true }
      const digest = await digestOf(password, stored.salt, stored.parameters, stored.digest.length)
      const { memoryCost, timeCost, parallelism } = stored.parameters
      return {
        ok: timingSafeEqual(digest, stored.digest),
        outdated:
          memoryCost !== current.memoryCost || timeCost !== current.timeCost || parallelism !== current.parallelism,
      }
    },
  }
}
