// A message's header as its reader sees it: unfolded, with encoded words decoded (RFC 2047). What comes out is text of
// strangers: one line, without control characters, and not endless.

const ENCODED = /=\?([A-Za-z0-9._:-]{1,40})(?:\*[A-Za-z0-9-]+)?\?([BbQq])\?([^?\s]{0,2000})\?=/g
const BETWEEN = /(\?=)\s+(?==\?[A-Za-z0-9._:*-]+\?[BbQq]\?)/g
const LONGEST = 300

const bytesOf = (encoding: string, text: string): Buffer =>
  encoding.toUpperCase() === 'B'
    ? Buffer.from(text, 'base64')
    : Buffer.from(
        text
          .replaceAll('_', ' ')
          .replace(/=([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
        'latin1',
      )

function decoder(charset: string): TextDecoder | undefined {
  try {
    return new TextDecoder(charset)
  } catch {
    return undefined // a character set that nobody knows: the word stays as it is
  }
}

/**
 * RFC 2047 §6.2: blanks between two encoded words are no text. Words of one character set are put together before they are
 * decoded, because many programs cut within a character.
 */
function decodeWords(text: string): string {
  const runs: { charset: string; bytes: Buffer; from: number; to: number }[] = []
  const joined = text.replace(BETWEEN, '$1')
  for (const { index, 0: word, 1: charset = '', 2: encoding = '', 3: content = '' } of joined.matchAll(ENCODED)) {
    const bytes = bytesOf(encoding, content)
    const last = runs.at(-1)
    if (last?.to === index && last.charset === charset.toLowerCase()) {
      last.bytes = Buffer.concat([last.bytes, bytes])
      last.to = index + word.length
    } else runs.push({ charset: charset.toLowerCase(), bytes, from: index, to: index + word.length })
  }
  let [out, at] = ['', 0]
  for (const { charset, bytes, from, to } of runs) {
    out += joined.slice(at, from) + (decoder(charset)?.decode(bytes) ?? joined.slice(from, to))
    at = to
  }
  return out + joined.slice(at)
}

/** Without characters that end a line, hide or turn text round. */
const plain = (text: string): string =>
  text
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\s]+/gu, ' ')
    .trim()
    .slice(0, LONGEST)

/** The first header of this name, decoded; empty when there is none. `source` is the header section of a message. */
export function headerOf(source: string, name: string): string {
  const lines = source.split(/\r?\n/)
  const at = lines.findIndex((line) => line.toLowerCase().startsWith(`${name.toLowerCase()}:`))
  if (at < 0) return ''
  const end = lines.findIndex((line, below) => below > at && !/^[ \t]/.test(line))
  const value = lines.slice(at, end < 0 ? undefined : end).join('')
  return plain(decodeWords(value.slice(name.length + 1, 20_000)))
}
