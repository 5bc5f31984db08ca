// Reading a form that brings one file along: multipart/form-data (RFC 7578), counted while it is read, parsed by Node's own
// fetch. Only pages that say how large the file may be take one; what its name says of folders is forgotten.
import type { Context } from 'koa'
import { AppError } from '../domain/errors.ts'
import { type Form, readBody, readForm, type Upload } from './forms.ts'

/** Octets round the file: boundaries, headers and the other fields. */
const AROUND = 64 * 1024
const LONGEST_NAME = 100

/** The last part of a path of any system, without what would not be seen. */
const plainName = (name: string): string =>
  name
    .replace(/^.*[/\\]/s, '')
    .replace(/[\p{C}]/gu, '')
    .trim()
    .slice(0, LONGEST_NAME)

async function parse(body: Buffer, type: string): Promise<FormData> {
  try {
    return await new Response(new Uint8Array(body), { headers: { 'content-type': type } }).formData()
  } catch (cause) {
    throw new AppError('bad_request', { detail: 'the form is not what its boundary says', cause })
  }
}

/** The form of a POST with a file of at most so many octets; one without a file may be urlencoded. */
export async function readUpload(ctx: Context, largest: number): Promise<Form> {
  if (!ctx.is('multipart/form-data')) return readForm(ctx)
  // What says that it is too large is not waited for.
  if (Number(ctx.get('content-length')) > 2 * largest + AROUND)
    throw new AppError('body_too_large', { detail: `a form of more than ${largest} octets` })
  const data = await parse(await readBody(ctx.req, largest + AROUND), ctx.get('content-type'))
  const files = new Map<string, Upload>()
  const fields = new URLSearchParams()
  for (const [name, value] of data) {
    if (typeof value === 'string') fields.append(name, value)
    // A field of files that was left empty comes without a name and without octets.
    else if (!files.has(name) && (value.size > 0 || value.name !== ''))
      files.set(name, { name: plainName(value.name), bytes: new Uint8Array(await value.arrayBuffer()) })
  }
  for (const { bytes } of files.values())
    if (bytes.length > largest)
      throw new AppError('body_too_large', { detail: `a file of more than ${largest} octets` })
  return {
    get: (name) => fields.get(name) ?? '',
    has: (name) => fields.has(name) || files.has(name),
    all: (name) => fields.getAll(name),
    file: (name) => files.get(name),
  }
}
