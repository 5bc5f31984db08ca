// A kit on its way to whoever installs it: the answers to a plugin's questions, and the archive.
import type { Context } from 'koa'
import { AppError } from '../src/domain/errors.ts'
import type { KitFile } from '../src/plugin.ts'
import type { Client } from '../src/ports.ts'
import { tarOf } from './admin/tar.ts'

/** `key=value` a line: answers to the plugin's own questions. */
export function optionsIn(text: string): Record<string, string> {
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== '')
  return Object.fromEntries(
    lines.map((line) => {
      const at = line.indexOf('=')
      if (at < 1) throw new AppError('invalid_value', { field: 'options', detail: 'an option is key=value' })
      return [line.slice(0, at).trim(), line.slice(at + 1).trim()]
    }),
  )
}

/** Answers with the archive. `at`: the files' time. */
export function sendFiles(ctx: Context, { clientId }: Client, files: readonly KitFile[], at: number): void {
  // It holds the client's secret: nothing on the way may keep it.
  ctx.set('cache-control', 'no-store')
  ctx.set('content-disposition', `attachment; filename="kit-${clientId}.tar"`)
  ctx.set('content-security-policy', "default-src 'none'; sandbox")
  ctx.type = 'application/x-tar'
  ctx.body = tarOf(files, at)
}
