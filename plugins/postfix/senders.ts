// Who may write as whom, as the map for `smtpd_sender_login_maps` says: a second look at it, for a Postfix whose
// main.cf leaves the first one out.
import { stat } from 'node:fs/promises'
import { errno, textOf } from '../../src/plugin-files.ts'

export type Senders = {
  /** True when the map names the login for this address (lower case), and when there is no map. */
  mayWriteAs(login: string, sender: string): Promise<boolean>
}

/** Milliseconds for which the file is not looked at again. */
const FRESH_MS = 250

/** Every line of the source, those of other people too: `key login, login`, and lines that begin with a blank go on. */
function read(text: string): Map<string, string> {
  const map = new Map<string, string>()
  let last = ''
  for (const line of text.toLowerCase().split('\n')) {
    if (line === '' || line[0] === '#') continue
    if (line[0] === ' ' || line[0] === '\t') {
      map.set(last, `${map.get(last) ?? ''} ${line}`)
      continue
    }
    const at = line.search(/\s/)
    last = at < 0 ? line : line.slice(0, at)
    map.set(last, at < 0 ? '' : line.slice(at))
  }
  return map
}

/** The keys that Postfix looks up for an address: itself, itself without an extension, its domain (postconf(5)). */
function keysOf(sender: string): string[] {
  const at = sender.lastIndexOf('@')
  const local = sender.slice(0, at)
  const bases = ['+', '-'].flatMap((delimiter) => {
    const end = local.indexOf(delimiter, 1)
    return end < 0 ? [] : [local.slice(0, end) + sender.slice(at)]
  })
  return at < 0 ? [sender] : [sender, ...bases, sender.slice(at)]
}

/** `now`: milliseconds. */
export function sendersMap(path: string, now: () => number): Senders {
  let known: { of: string; map: Map<string, string> } | undefined
  let lookedAt = Number.NEGATIVE_INFINITY
  let looking: Promise<void> | undefined

  async function look(): Promise<void> {
    const found = await stat(path, { bigint: true }).catch((error: unknown) => {
      if (errno(error) === 'ENOENT') return undefined
      throw error
    })
    const of = found ? `${found.ino} ${found.size} ${found.mtimeNs}` : ''
    if (!found) known = undefined
    else if (known?.of !== of) known = { of, map: read(await textOf(path)) }
    lookedAt = now()
  }

  return {
    async mayWriteAs(login, sender) {
      if (Math.abs(now() - lookedAt) >= FRESH_MS) {
        looking ??= look().finally(() => {
          looking = undefined
        })
        await looking
      }
      const map = known?.map
      if (!map || map.size === 0) return true
      const owners = keysOf(sender)
        .map((key) => map.get(key))
        .find((found) => found !== undefined)
      return owners?.split(/[\s,]+/).includes(login) ?? false
    },
  }
}
