// The letters that the file mailer wrote, read as a mail program would.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

export type Letter = {
  to: string
  subject: string
  text: string
  /** The first link in it. */
  link: string
  attachments: { type: string; content: Buffer }[]
}

const quotedPrintable = (text: string): Buffer =>
  Buffer.from(
    text
      .replace(/=\r?\n/g, '')
      .replace(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
    'latin1',
  )

/** RFC 2047 §2: words in another character set, here always UTF-8; the space between two of them is none. */
const words = (header: string): string =>
  header
    .replace(/\?=\s+=\?/g, '?==?')
    .replace(/(?:=\?utf-8\?[qb]\?[^?]*\?=)+/gi, (run) =>
      Buffer.concat(
        [...run.matchAll(/=\?utf-8\?([qb])\?([^?]*)\?=/gi)].map(([, coding, text = '']) =>
          coding?.toLowerCase() === 'b' ? Buffer.from(text, 'base64') : quotedPrintable(text.replaceAll('_', ' ')),
        ),
      ).toString('utf8'),
    )

type Part = { header(name: string): string; content: Buffer }

function readPart(source: string): Part {
  const [head = '', ...rest] = source.split('\r\n\r\n')
  const body = rest.join('\r\n\r\n')
  const header = (name: string) =>
    new RegExp(`^${name}: (.*(?:\\r\\n[ \\t].*)*)`, 'im').exec(head)?.[1]?.replace(/\r\n\s+/g, ' ') ?? ''
  const encoding = header('Content-Transfer-Encoding').toLowerCase()
  const content =
    encoding === 'base64'
      ? Buffer.from(body, 'base64')
      : encoding === 'quoted-printable'
        ? quotedPrintable(body)
        : Buffer.from(body, 'latin1')
  return { header, content }
}

/** The parts of a multipart (RFC 2046 §5.1.1), or the message itself. */
function partsOf({ header, content }: Part): Part[] {
  const boundary = /^multipart\/.*boundary="?([^";]+)/i.exec(header('Content-Type'))?.[1]
  if (!boundary) return [{ header, content }]
  return content
    .toString('latin1')
    .split(`--${boundary}`)
    .slice(1, -1)
    .map((part) => readPart(part.replace(/^\r\n/, '')))
}

/** A message, its octets as latin1. */
export function readLetter(source: string): Letter {
  const whole = readPart(source)
  const [first, ...others] = partsOf(whole)
  const text = first!.content.toString('utf8')
  return {
    to: whole.header('To'),
    subject: words(whole.header('Subject')),
    text,
    link: /https?:\/\/\S+/.exec(text)?.[0] ?? '',
    attachments: others.map((part) => ({ type: part.header('Content-Type'), content: part.content })),
  }
}

/** Every letter in a folder, in the order in which they were written. */
export function lettersIn(folder: string): Letter[] {
  const number = (name: string) => name.split(/[-.]/).map(Number)
  try {
    return readdirSync(folder)
      .toSorted((a, b) => number(a)[0]! - number(b)[0]! || number(a)[1]! - number(b)[1]!)
      .map((name) => readLetter(readFileSync(join(folder, name), 'latin1')))
  } catch {
    return []
  }
}
