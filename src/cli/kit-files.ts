// Writing a kit's files into a folder, and the answers that it asks for.
import { accessSync, constants, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve, sep } from 'node:path'
import { AppError } from '../domain/errors.ts'
import type { KitFile } from '../plugin.ts'

/** What `--set key=value` said. Throws `invalid_value`. */
export const pairs = (values: readonly string[]): Record<string, string> =>
  Object.fromEntries(
    values.map((value) => {
      const at = value.indexOf('=')
      if (at < 1) throw new AppError('invalid_value', { detail: `--set takes key=value, not ${value}` })
      return [value.slice(0, at), value.slice(at + 1)]
    }),
  )

/** For an option that may be given again and again. */
export const several = (value: string, before: string[] = []) => [...before, value]

/** Throws `bad_request` when nothing can be written there: asked before a secret is made that would be lost. */
export function readyFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true })
    accessSync(folder, constants.W_OK)
  } catch (cause) {
    throw new AppError('bad_request', { detail: `${folder} cannot be written: ${(cause as Error).message}`, cause })
  }
}

/** Writes them anew, secrets for their owner alone; what was written, to be shown. */
export function writeKit(folder: string, files: readonly KitFile[]): { file: string; secret: boolean }[] {
  for (const { path, content, secret } of files) {
    const target = resolve(folder, path)
    if (!target.startsWith(resolve(folder) + sep))
      throw new AppError('unexpected', { detail: `the kit would write outside its folder: ${path}` })
    mkdirSync(dirname(target), { recursive: true })
    // A file that is there keeps its mode, and may be a link: what others could read would hold the secret.
    rmSync(target, { force: true })
    writeFileSync(target, content, { mode: secret ? 0o600 : 0o644, flag: 'wx' })
  }
  return files.map(({ path, secret }) => ({ file: join(folder, path), secret: secret ?? false }))
}
