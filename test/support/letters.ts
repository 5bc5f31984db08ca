// The letters that the file mailer wrote, read as a mail program would.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

export type Letter = { to: string; subject: string; text: string /** The first link in it. */; link: string }

const quotedPrintable = (text: string): Buffer =>
  Buffer.from(
    text
      .replace(/=\r?\n/g, '')
      .replace(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
    'latin1',
  )

function readLetter(path: string): Letter {
  const [head = '', ...rest] = readFileSync(path, 'latin1').split('\r\n\r\n')
  const body = rest.join('\r\n\r\n')
  const header = (name: string) =>
    new RegExp(`^${name}: (.*(?:\\r\\n[ \\t].*)*)`, 'im').exec(head)?.[1]?.replace(/\r\n\s+/g, ' ') ?? ''
  const encoding = header('Content-Transfer-Encoding').toLowerCase()
  const bytes =
    encoding === 'base64'
      ? Buffer.from(body, 'base64')
      : encoding === 'quoted-printable'
        ? quotedPrintable(body)
        : Buffer.from(body, 'latin1')
  const text = bytes.toString('utf8')
  return { to: header('To'), subject: header('Subject'), text, link: /https?:\/\/\S+/.exec(text)?.[0] ?? '' }
}

/** Every letter in a folder, in the order in which they were written. */
export function lettersIn(folder: string): Letter[] {
  const number = (name: string) => name.split(/[-.]/).map(Number)
  try {
    return readdirSync(folder)
      .toSorted((a, b) => number(a)[0]! - number(b)[0]! || number(a)[1]! - number(b)[1]!)
      .map((name) => readLetter(join(folder, name)))
  } catch {
    return []
  }
}
