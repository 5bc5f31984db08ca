// Stylesheet, script, logo and the association's own theme: read once, served under a name that holds their digest.
import { readFileSync } from 'node:fs'
import { extname } from 'node:path'
import type { Context } from 'koa'
import { digest } from '../domain/digest.ts'
import { AppError } from '../domain/errors.ts'

const types: Record<string, string> = {
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
}

export type Assets = { /** Registers a file; its address. */ add(path: string): string; serve(ctx: Context): void }

export function createAssets(): Assets {
  const files = new Map<string, { content: Buffer; type: string }>()
  return {
    add(path) {
      const type = types[extname(path)]
      if (!type)
        throw new AppError('invalid_value', {
          field: 'theme',
          detail: `${path}: a logo is a .svg or .png file, a style a .css file`,
        })
      let content: Buffer
      try {
        content = readFileSync(path)
      } catch (cause) {
        throw new AppError('invalid_value', { field: 'theme', detail: `${path} cannot be read`, cause })
      }
      const name = `${digest(content.toString('latin1')).slice(0, 12)}${extname(path)}`
      files.set(name, { content, type })
      return `/assets/${name}`
    },
    serve(ctx) {
      const file = files.get(ctx.params.file)
      if (!file) throw new AppError('not_found')
      ctx.set('cache-control', 'public, max-age=31536000, immutable')
      // An SVG logo opened by itself must not run anything (attack 23).
      ctx.set('content-security-policy', "default-src 'none'; style-src 'unsafe-inline'; sandbox")
      ctx.type = file.type
      ctx.body = file.content
    },
  }
}
