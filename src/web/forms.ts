// Reading a form: urlencoded, small, each field once, as strings.
import type { IncomingMessage } from 'node:http'
import type { Context } from 'koa'
import { AppError } from '../domain/errors.ts'

/** Octets of a form; the longest field that means something is a password of 1,024 characters. */
const LARGEST = 32 * 1024

export type Form = {
  get(name: string): string
  has(name: string): boolean
  all(name: string): string[]
  /** Of a page that takes one (upload.ts). */
  file?(name: string): Upload | undefined
}
/** `name` as the person's computer calls it, without folders; it is for people to read, never a path. */
export type Upload = { name: string; bytes: Uint8Array }

/** Octets that are taken in and thrown away, so that a browser still sending its form sees the answer and no reset. */
const DISCARDED = 32 * 1024 * 1024

/** Reads to the end, whatever comes; keeps no more than a form may have. */
export async function readBody(request: IncomingMessage, largest: number): Promise<Buffer> {
  const parts: Buffer[] = []
  let size = 0
  try {
    for await (const part of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      size += part.length
      if (size > largest + DISCARDED) break
      if (size <= largest) parts.push(part)
    }
  } catch (cause) {
    throw new AppError('bad_request', { detail: 'the form broke off', cause })
  }
  if (size > largest) throw new AppError('body_too_large', { detail: `a form of more than ${largest} octets` })
  return Buffer.concat(parts)
}

/** The form of a POST. Throws `body_too_large` or `bad_request`. */
export async function readForm(ctx: Context): Promise<Form> {
  if (!ctx.is('application/x-www-form-urlencoded'))
    throw new AppError('bad_request', { detail: 'a form must be application/x-www-form-urlencoded' })
  const fields = new URLSearchParams((await readBody(ctx.req, LARGEST)).toString('utf8'))
  return { get: (name) => fields.get(name) ?? '', has: (name) => fields.has(name), all: (name) => fields.getAll(name) }
}
