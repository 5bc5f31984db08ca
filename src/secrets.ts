// Secrets are referred to, never written: `file:/path` and `env:NAME`. And the one secret that is made here, the key that
// seals all others.
import { closeSync, mkdirSync, openSync, readFileSync, statSync, writeSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { AppError } from './domain/errors.ts'

export type Environment = Readonly<Record<string, string | undefined>>

/** How a secret is referred to. */
export const SECRET_REFERENCE = /^(file:.+|env:[A-Za-z_][A-Za-z0-9_]*)$/
export const NEVER_ITSELF = 'write file:/path/to/a/file or env:NAME, never the secret itself'

/** The secret that a reference means, without a trailing line end. Throws `invalid_value`, which repeats no secret. */
export function resolveSecret(reference: string, field: string, env: Environment, folder: string): string {
  if (!SECRET_REFERENCE.test(reference))
    throw new AppError('invalid_value', { field, detail: `${field}: ${NEVER_ITSELF}` })
  const [, kind, name = ''] = /^(file|env):(.+)$/.exec(reference)!
  const found = kind === 'env' ? env[name] : kind === 'file' ? readSecretFile(resolve(folder, name), field) : undefined
  if (!found)
    throw new AppError('invalid_value', {
      field,
      detail: `${field}: ${kind === 'env' ? `the environment has no ${name}` : `${reference} holds nothing`}`,
    })
  return found
}

function readSecretFile(path: string, field: string): string {
  try {
    if ((statSync(path).mode & 0o004) !== 0)
      throw new AppError('invalid_value', {
        field,
        detail: `${field}: ${path} can be read by everybody; run chmod 600 ${path}`,
      })
    return readFileSync(path, 'utf8').replace(/\r?\n$/, '')
  } catch (cause) {
    if (cause instanceof AppError) throw cause
    throw new AppError('invalid_value', { field, detail: `${field}: ${path} cannot be read`, cause })
  }
}

/** The content of a secret file, made with `make` when it is not there yet (mode 0600; of two at once one wins). */
export function secretFile(path: string, make: () => string): string {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  try {
    const file = openSync(path, 'wx', 0o600)
    writeSync(file, `${make()}\n`)
    closeSync(file)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST')
      throw new AppError('storage_full', {
        detail: `${path} cannot be written: ${(error as NodeJS.ErrnoException).code}`,
        cause: error,
      })
  }
  return readSecretFile(path, 'secretKey')
}
